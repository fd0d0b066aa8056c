# shellcheck shell=bash
# Shards that fail over, with --ha. Each has two hosts: ID-a on the shard's port and ID-b on the next one. ./dev starts one Patroni
# for each host, and Patroni starts and stops Postgres. All use deploy/patroni.yml; the settings of a single host come from its
# environment. The data is in $STATE/shards/HOST/data.

patroni_hosts() { printf '%s\n' "$1-a" "$1-b"; } # patroni_hosts SHARD

patroni_host_port() { # patroni_host_port HOST: prints the port of its Postgres
  local port
  port=$(shard_port "${1%-?}") || return 1
  [[ $1 == *-a ]] || ((port += 1))
  echo "$port"
}

patroni_folder() { echo "$(readlink -f "$STATE/shards")/$1"; } # patroni_folder HOST

patroni_environment() { # patroni_environment HOST: sets the array `environment` of its caller
  local folder address rest
  folder=$(patroni_folder "$1") address=127.0.0.1:$(patroni_host_port "$1")
  rest=127.0.0.1:$((${address#*:} - SHARD_PORT + PATRONI_PORT))
  environment=(
    PATH="$(postgres_bin):$PATH" PATRONI_SCOPE="${1%-?}" PATRONI_NAME="$1" PATRONI_ETCD_HOST="$ETCD_ADDRESS"
    PATRONI_RESTAPI_LISTEN="$rest" PATRONI_RESTAPI_CONNECT_ADDRESS="$rest"
    PATRONI_POSTGRESQL_LISTEN="$address" PATRONI_POSTGRESQL_CONNECT_ADDRESS="$address"
    PATRONI_POSTGRESQL_DATA_DIR="$folder/data" PATRONI_POSTGRESQL_PGPASS="$folder/pgpass" PATRONI_POSTGRESQL_BIN_DIR="$(postgres_bin)"
    PATRONI_SUPERUSER_USERNAME=sharding PATRONI_REPLICATION_USERNAME=sharding
  )
  [[ -z $TLS ]] || environment+=(PGSSLROOTCERT="$(tls_of_shards)/ca.pem")
}

patroni_config() { # writes deploy/patroni.yml with the chosen mode and without passwords, like the other shards here
  local synchronous=true
  [[ $HA == sync ]] || synchronous=false
  local -a tls=()
  [[ -z $TLS ]] || tls=(-e 's#- host #- hostssl #'
    -e "s#^(    )unix_socket_directories: .*#&\n\1ssl: 'on'\n\1ssl_cert_file: $(tls_of_shards)/server.crt\n\1ssl_key_file: $(tls_of_shards)/server.key#")
  sed -E -e 's#all scram-sha-256#127.0.0.1/32 trust#' -e "s#(synchronous_mode:) .*#\1 $synchronous#" "${tls[@]}" "$ROOT/deploy/patroni.yml" \
    >"$(patroni_folder patroni.yml)"
  chmod 644 "$(patroni_folder patroni.yml)"
}

patroni_start() { # patroni_start HOST: does not wait until Patroni is ready
  local -a environment
  patroni_end_orphan "$1"
  # For the chaos run each host has its own group: rules in the kernel can tell the connections of one host from those of another.
  local GROUP=''
  [[ -z ${DEV_HOST_GROUPS:-} ]] || GROUP=$(patroni_host_port "$1")
  patroni_environment "$1"
  as_postgres mkdir -p "$(patroni_folder "$1")"
  # The present folder may be one that the user postgres cannot enter.
  start_as_postgres "$1" env --chdir=/ "${environment[@]}" patroni "$(patroni_folder patroni.yml)"
}

patroni_up() { # starts etcd, then the hosts of all shards at the same time; waits until each shard has a primary
  local host id
  patroni_config
  etcd_up
  for host in $(shard_processes); do
    is_running "$host" || patroni_start "$host"
  done
  for id in $(shard_ids); do
    patroni_await "$id" "a primary" patroni_is_writable
  done
}

patroni_await() { # patroni_await SHARD WHAT CHECK
  wait_until 60 "$2 of $1" "$3" "$1" && return
  tail_of "$LOGS/$1-a.log"
  tail_of "$LOGS/$1-b.log"
  die "$EXIT_FAILED" "the shard $1 has no ${2#* }; its logs are $LOGS/$1-a.log and -b.log"
}

patroni_await_standbys() { # waits until each shard has a standby that may take over
  local id
  for id in $(shard_ids); do
    patroni_await "$id" "a standby" patroni_has_standby
  done
}

patroni_primary() { etcd_value "$1/leader"; } # patroni_primary SHARD: prints the primary's host; fails if there is none

patroni_is_writable() { # patroni_is_writable SHARD
  local host
  host=$(patroni_primary "$1") &&
    [[ $(shard_psql "$(patroni_host_port "$host")" 'select pg_is_in_recovery()' 2>/dev/null) == f ]]
}

patroni_has_standby() { # patroni_has_standby SHARD: in synchronous mode Patroni must know that the standby has every confirmed commit
  local host
  if [[ $(etcd_value "$1/config") == *\"synchronous_mode\":true* ]]; then
    [[ $(etcd_value "$1/sync") == *\"sync_standby\":*\""$1"-* ]]
  else
    host=$(patroni_primary "$1") &&
      [[ $(shard_psql "$(patroni_host_port "$host")" "select count(*) from pg_stat_replication where state = 'streaming'" 2>/dev/null) != 0 ]]
  fi
}

patroni_postmaster() { # patroni_postmaster HOST: prints the pid of its Postgres; fails if that does not run. Patroni need not run
  local pid folder
  folder=$(patroni_folder "$1")/data
  { read -r pid <"$folder/postmaster.pid"; } 2>/dev/null || return 1
  { tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$folder" && echo "$pid"; } 2>/dev/null
}

patroni_check_ports() { # patroni_check_ports SHARD PORT
  local host port=$2
  for host in $(patroni_hosts "$1"); do
    patroni_postmaster "$host" >/dev/null || require_port_free "$host" "$port" DEV_HA_PORT
    require_port_free "$host" $((port - SHARD_PORT + PATRONI_PORT)) DEV_PATRONI_PORT
    ((port += 1))
  done
}

patroni_down() { # stops the standbys first: a primary that stops would hand over to a running standby
  local id host
  local -a primaries=() standbys
  signal_process etcd CONT
  for id in $(shard_ids); do
    host=$(patroni_primary "$id") && primaries+=("$host")
  done
  mapfile -t standbys < <(shard_processes | grep -vxF "$(printf '%s\n' "${primaries[@]}")")
  patroni_stop "${standbys[@]}"
  patroni_stop "${primaries[@]}"
  etcd_down
}

patroni_stop() { # patroni_stop HOST...: stops Patroni and Postgres of these hosts at the same time
  local host pid
  for host in "$@"; do
    signal_process "$host" TERM
    signal_process "$host" CONT
    ! pid=$(patroni_postmaster "$host") || kill -CONT "$pid" 2>/dev/null || true
  done
  for host in "$@"; do
    stop_process "$host" TERM 60
    patroni_end_postgres "$host"
  done
}

patroni_end_orphan() { # patroni_end_orphan HOST: ends a Postgres that runs without Patroni, before Patroni starts there.
  # A Patroni that starts beside a running primary resets synchronous_standby_names before it looks who has the lock. If the standby
  # takes over at this moment, the commits that the old primary confirms meanwhile are lost.
  local pid
  pid=$(patroni_postmaster "$1") || return 0
  kill -QUIT "$pid" 2>/dev/null || true
  kill -CONT "$pid" 2>/dev/null || true
  orphan_ended() { ! patroni_postmaster "$1" >/dev/null; }
  wait_until 30 "the Postgres of $1, which ran without Patroni, to be gone" orphan_ended "$1"
}

patroni_end_postgres() { # patroni_end_postgres HOST: stops the Postgres that a killed Patroni left
  local pid
  pid=$(patroni_postmaster "$1") || return 0
  kill -INT "$pid" 2>/dev/null || true
  postgres_ended() { ! patroni_postmaster "$1" >/dev/null; }
  wait_until 60 "Postgres of $1 to stop after SIGINT; it is killed now" postgres_ended "$1" ||
    kill -KILL "$pid" 2>/dev/null || true
}
