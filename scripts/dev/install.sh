# shellcheck shell=bash
# What has to be on the machine. As root on Debian what is missing is installed; otherwise it is named.

postgres_bin() { # the folder of the newest Postgres, 15 or newer
  local dir version
  while read -r dir; do
    version=${dir#/usr/lib/postgresql/}
    ((${version%%/*} >= 15)) && [[ -x $dir/postgres ]] && echo "$dir" && return
  done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn | grep -E '^/usr/lib/postgresql/[0-9]+/bin$')
  command -v postgres >/dev/null && command -v initdb >/dev/null && dirname "$(readlink -f "$(command -v postgres)")"
}

missing_packages() {
  postgres_bin >/dev/null || echo postgresql
  command -v redis-server >/dev/null || echo redis-server
  command -v haproxy >/dev/null || echo haproxy
  # ./dev itself does without; the lines that `up` prints for you to try do not.
  command -v curl >/dev/null || echo curl
  [[ -n $HA ]] || return 0
  command -v patroni >/dev/null || printf '%s\n' patroni python3-etcd # on Debian 13 it comes without
  command -v etcd >/dev/null || echo etcd-server
}

install_missing() {
  command -v dotnet >/dev/null || die "$EXIT_PRECONDITION" "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  (cd "$ROOT" && dotnet --version >/dev/null) || die "$EXIT_PRECONDITION" "this .NET SDK cannot build the project (global.json asks for 10.0)"
  local -a packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} > 0)) || return 0
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    die "$EXIT_PRECONDITION" "missing: ${packages[*]} (named as in Debian; Postgres 15 or newer, Redis 7, HAProxy 2.6${HA:+, Patroni 3.0, etcd 3.4})" \
      "install them (on Debian, as root: apt-get install ${packages[*]}), then run ./dev again"
  fi
  step
  apt_install "${packages[@]}"
  step_done install "${packages[*]}"
}

install_for_tests() { # what only tests use: without it they skip on a person's machine, and fail where CI is set
  ! command -v pgbackrest >/dev/null || return 0
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "dev: pgbackrest is missing, without which the drill of a restore is skipped (on Debian, as root: apt-get install pgbackrest)" >&2
    return 0
  fi
  step
  apt_install pgbackrest
  step_done install pgbackrest
}

apt_install() ( # a subshell: what it changes for the time of the installation is put back whatever happens
  set -euo pipefail
  export DEBIAN_FRONTEND=noninteractive
  log=$LOGS/install.log
  backup=$(mktemp -d)
  trap put_back EXIT
  apt() {
    apt-get "$@" >>"$log" 2>&1 9>&- && return
    tail_of "$log"
    die "$EXIT_FAILED" "apt-get $1 failed"
  }

  # Debian starts what it installs, on the usual ports. Wanted are the programs, not the services.
  [[ ! -e /usr/sbin/policy-rc.d ]] || cp -a /usr/sbin/policy-rc.d "$backup/"
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d

  apt update -qq
  if [[ " $* " == *" postgresql "* ]]; then
    # Nor a database cluster of the system's, on port 5432: say so before the server package comes.
    apt install -y -qq --no-install-recommends postgresql-common
    cp -a /etc/postgresql-common/createcluster.conf "$backup/"
    echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
  fi
  apt install -y -qq --no-install-recommends "$@"
  if [[ -d /run/systemd/system ]]; then # or they would start with the next boot
    for service in redis-server haproxy patroni etcd; do
      [[ " $*" != *" $service"* ]] || systemctl disable -q "$service"
    done
  fi
)

put_back() {
  rm -f /usr/sbin/policy-rc.d
  [[ ! -e $backup/policy-rc.d ]] || cp -a "$backup/policy-rc.d" /usr/sbin/
  [[ ! -e $backup/createcluster.conf ]] || cp -a "$backup/createcluster.conf" /etc/postgresql-common/
  rm -rf "$backup"
}
