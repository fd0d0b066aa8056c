# shellcheck shell=bash
# The programs that the machine needs. As root on Debian, missing ones are installed; otherwise the error names them.

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
  # ./dev itself does not need curl, but the commands that `up` prints do.
  command -v curl >/dev/null || echo curl
  [[ -z $TLS ]] || command -v openssl >/dev/null || echo openssl
  [[ -n $HA ]] || return 0
  command -v patroni >/dev/null || printf '%s\n' patroni python3-etcd # on Debian 13 patroni does not bring python3-etcd
  command -v etcd >/dev/null || echo etcd-server
}

install_missing() {
  command -v dotnet >/dev/null || die "$EXIT_PRECONDITION" "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  (cd "$ROOT" && dotnet --version >/dev/null) ||
    die "$EXIT_PRECONDITION" "this .NET SDK cannot build the project (global.json asks for 10.0)"
  local -a packages
  mapfile -t packages < <(missing_packages)
  ((${#packages[@]} > 0)) || return 0
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    die "$EXIT_PRECONDITION" \
      "missing: ${packages[*]} (names of Debian packages; Postgres 15 or later, Redis 7, HAProxy 2.6${HA:+, Patroni 3.0, etcd 3.4})" \
      "install them (on Debian, as root: apt-get install ${packages[*]}), then run ./dev again"
  fi
  step
  apt_install "${packages[@]}"
  step_done install "${packages[*]}"
}

install_for_tests() { # programs that only tests need. Without them these tests are skipped; where the variable CI is set they fail
  install_optional pgbackrest "the test of a restore is skipped" pgbackrest
  install_optional pgbouncer "the tests of a pooler before a shard are skipped" pgbouncer
  install_optional npm "the clients that generators make of the OpenAPI document are not tested" nodejs npm
}

install_for_chaos() { # chaos --ha cuts hosts off with it
  install_optional nft "no host is cut off" nftables
}

install_optional() { # install_optional PROGRAM WHAT_HAPPENS_WITHOUT PACKAGE...
  ! command -v "$1" >/dev/null || return 0
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "dev: $1 is missing, without which $2 (on Debian, as root: apt-get install ${*:3})" >&2
    return 0
  fi
  step
  apt_install "${@:3}"
  step_done install "${*:3}"
}

apt_install() ( # a subshell: its EXIT trap always takes back the temporary changes
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

  # Debian starts the services that it installs, on their usual ports. Only the programs are wanted here, not the services.
  [[ ! -e /usr/sbin/policy-rc.d ]] || cp -a /usr/sbin/policy-rc.d "$backup/"
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d

  apt update -qq
  if [[ " $* " == *" postgresql "* ]]; then
    # A database cluster of the system on port 5432 is not wanted either. This must be configured before the server is installed.
    apt install -y -qq --no-install-recommends postgresql-common
    cp -a /etc/postgresql-common/createcluster.conf "$backup/"
    echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
  fi
  apt install -y -qq --no-install-recommends "$@"
  if [[ -d /run/systemd/system ]]; then # otherwise the services would start at the next boot
    for service in redis-server haproxy patroni etcd pgbouncer; do
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
