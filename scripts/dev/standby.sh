# shellcheck shell=bash
# Standbys of shards, for the chaos run only: the process sN-standby beside sN has its own port and its own replication slot. After
# a takeover the former standby is the shard, at the shard's address; the shard has no standby until a new one is made.

standby_port() { echo $(($(shard_port "$1") + 20)); } # standby_port SHARD

standby_slot() { echo "${1//-/_}_standby"; } # standby_slot SHARD: the name of its replication slot and its application_name

standby_data() { echo "$(readlink -f "$STATE/shards")/$1-standby"; } # standby_data SHARD

shard_psql() { # shard_psql PORT SQL: runs SQL in a shard or a standby
  "$(postgres_bin)/psql" -X -q -At -h 127.0.0.1 -p "$1" -U sharding -d postgres -v ON_ERROR_STOP=1 -c "$2"
}

standby_make() { # standby_make SHARD: makes a new asynchronous standby, and removes an earlier one
  local port slot
  port=$(shard_port "$1") slot=$(standby_slot "$1")
  kill_with_children "$1-standby"
  rm -rf "$(standby_data "$1")"
  shard_standby_rights "$port"
  # No commit may wait for the standby before it streams.
  shard_psql "$port" 'alter system reset synchronous_standby_names' >/dev/null
  shard_psql "$port" 'select pg_reload_conf()' >/dev/null
  shard_psql "$port" "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$slot'" >/dev/null
  as_postgres env ${TLS:+PGSSLROOTCERT="$(tls_of_shards)/ca.pem"} "$(postgres_bin)/pg_basebackup" -D "$(standby_data "$1")" \
    -d "host=127.0.0.1 port=$port user=sharding application_name=$slot" \
    --write-recovery-conf --create-slot --slot "$slot" --checkpoint=fast --no-sync >>"$LOGS/$1-standby.log" 2>&1 9>&-
  # These settings make it reconnect quickly after its primary restarted, and report its flushed position often.
  postgres_start "$1-standby" "$(standby_data "$1")" "$(standby_port "$1")" \
    -c wal_retrieve_retry_interval=200ms -c wal_receiver_status_interval=1s -c unix_socket_directories=
  require_alive_until 60 "$1-standby" "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$(standby_port "$1")"
}

standby_take_over() { # standby_take_over SHARD: kills the primary; its standby answers at the same address
  local data port
  data=$(readlink -f "$STATE/shards")/$1 port=$(shard_port "$1")
  [[ -f $data-standby/standby.signal ]] || die "$EXIT_PRECONDITION" "$1 has no standby"
  kill_and_outlive "$1"
  kill_with_children "$1-standby" # with its children: a WAL receiver that is stopped would not end by itself
  rm -f "$RUN/$1-standby.pid"
  mv "$data" "$data.old"
  mv "$data-standby" "$data"
  # The killed postmasters may still be in the process table; a new postmaster would believe that they live.
  rm -f "$data/postmaster.pid" "$data"/.s.PGSQL.*
  # It must not stream from its own new address.
  postgres_start "$1" "$data" "$port" -c primary_conninfo=
  require_alive_until 60 "$1" "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$port"
  shard_psql "$port" 'alter system reset synchronous_standby_names' >/dev/null
  shard_psql "$port" 'select pg_promote(true, 60)' | grep -q '^t$' || die "$EXIT_FAILED" "the standby of $1 was not promoted"
  rm -rf "$data.old"
}

children_of() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; } # children_of PID

kill_and_outlive() { # kill_and_outlive NAME: kills only this process; its children end when they notice it, and this waits for them
  local pid
  local -a children
  pid=$(pid_of "$1") || return 0
  kill -STOP "$pid" # a stopped process starts no more children
  read -ra children <<<"$(children_of "$pid")" || true
  kill -KILL "$pid"
  await_gone "$1" "$pid" "${children[@]}"
}

kill_with_children() { # kill_with_children NAME
  local pid
  local -a children
  pid=$(pid_of "$1") || return 0
  kill -STOP "$pid"
  read -ra children <<<"$(children_of "$pid")" || true
  kill -KILL "$pid" "${children[@]}" 2>/dev/null || true
  await_gone "$1" "$pid" "${children[@]}"
}

await_gone() { # await_gone NAME PID...
  local name=$1 pid
  shift
  are_gone() {
    for pid in "$@"; do
      ! start_time_of "$pid" >/dev/null || return 1
    done
  }
  wait_until 30 "all processes of $name to be gone" are_gone "$@"
}

standbys_down() {
  local file
  for file in "$RUN"/*-standby.pid; do
    [[ ! -f $file ]] || kill_with_children "$(basename "$file" .pid)"
    rm -f "$file"
  done
}
