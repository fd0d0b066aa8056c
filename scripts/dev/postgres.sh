# shellcheck shell=bash
# The shards. Each is one Postgres server, as durable as in production (fsync and synchronous_commit stay on).
# $STATE/shards.list has a line "ID PORT" for each shard; its data is in $STATE/shards/ID. For --ha see patroni.sh.

shard_ids() { [[ ! -f $STATE/shards.list ]] || cut -d' ' -f1 "$STATE/shards.list"; }

shard_port() { # shard_port ID; fails if there is no such shard
  local id port
  while read -r id port; do
    [[ $id != "$1" ]] || { echo "$port"; return 0; }
  done 2>/dev/null <"$STATE/shards.list"
  return 1
}

# shard_plan_port ID: prints the port of a new shard: 5440+N for sN, others after the last one; with --ha the first of two
shard_plan_port() {
  local port=$((SHARD_PORT + 1)) used
  if [[ $1 =~ ^s([1-9][0-9]?)$ ]]; then
    echo $((port + (BASH_REMATCH[1] - 1) * PORTS_OF_SHARD))
    return
  fi
  ((port += 49 * PORTS_OF_SHARD))
  while read -r _ used; do
    ((used < port)) || port=$((used + PORTS_OF_SHARD))
  done <"$STATE/shards.list"
  echo "$port"
}

shard_hosts() { # shard_hosts ID: prints host:port of each server that may be its primary, joined by commas
  local port
  port=$(shard_port "$1")
  echo "127.0.0.1:$port${HA:+,127.0.0.1:$((port + 1))}"
}

shard_seeds() { # as SHARDING_SEEDS takes them
  local id
  for id in $(shard_ids); do
    echo "$(shard_hosts "$id")/sharding"
  done | paste -sd,
}

shard_check_ports() { # shard_check_ports ID PORT
  if [[ -n $HA ]]; then
    patroni_check_ports "$1" "$2"
  else
    require_port_free "$1" "$2" DEV_SHARD_PORT
  fi
}

shard_processes() { # prints the names of the shards' processes, as in $RUN
  local id
  for id in $(shard_ids); do
    if [[ -n $HA ]]; then patroni_hosts "$id"; else echo "$id"; fi
  done
}

as_postgres() { # Postgres refuses to run as root, so root runs it as the user that Debian made for it
  if [[ $EUID == 0 ]]; then
    # The user postgres may not be allowed to enter the present folder.
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
  else
    "$@"
  fi
}

shards_folder() { # makes the folder of the data at a place that the user of Postgres can enter
  [[ ! -d $STATE/shards ]] || return 0
  local folder=$STATE/shards
  rm -f "$folder" # it may be a link whose target is gone
  if [[ $EUID != 0 ]] || as_postgres test -x "$STATE"; then
    mkdir "$folder"
  else # for instance if the clone is in /root
    local elsewhere
    elsewhere=$(mktemp -d /var/tmp/sharding-dev.XXXXXX)
    ln -s "$elsewhere" "$folder"
    note postgres "user postgres cannot enter $STATE: data in $elsewhere"
  fi
  [[ $EUID != 0 ]] || chown postgres: "$folder/."
  chmod 700 "$folder/."
}

shard_create() { # shard_create ID: makes the files of a new server
  local data sockets host=host${TLS:+ssl}
  data=$(readlink -f "$STATE/shards")/$1
  as_postgres "$(postgres_bin)/initdb" -D "$data.new" -U sharding -A trust -E UTF8 --locale=C >"$LOGS/$1.log" 2>&1 9>&-
  # The path of a socket may have at most 107 bytes. If it is longer there is no socket; 127.0.0.1 is enough.
  sockets=$data
  ((${#data} + 20 <= 107)) || sockets=''
  cat >>"$data.new/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$sockets'
max_connections = 200
wal_level = logical # moves stream changes
max_replication_slots = 20
max_wal_senders = 20
max_slot_wal_keep_size = 4GB # a move that falls behind must not fill the disk
log_line_prefix = '%m [%p] '
$(tls_postgres_settings)
CONF
  printf '%s\n' 'local all all trust' "$host all all 127.0.0.1/32 trust" "$host replication all 127.0.0.1/32 trust" >"$data.new/pg_hba.conf"
  mv "$data.new" "$data" # now the folder is complete; a crash before leaves no folder of this name
}

shard_start() { # shard_start ID PORT: returns at once; see shard_wait
  postgres_start "$1" "$(readlink -f "$STATE/shards")/$1" "$2"
}

postgres_start() { # postgres_start NAME FOLDER PORT [ARGUMENT...]
  local name=$1 folder=$2 port=$3
  shift 3
  start_as_postgres "$name" "$(postgres_bin)/postgres" -D "$folder" -p "$port" "$@"
}

start_as_postgres() { # start_as_postgres NAME COMMAND...: like start_process, but as the user of Postgres; root may set GROUP
  local name=$1
  local -a user=()
  shift
  [[ $EUID != 0 ]] || user=(setpriv --reuid=postgres --regid="${GROUP:-postgres}" --init-groups)
  start_process "$name" "${user[@]}" "$@"
}

shard_wait() { # shard_wait ID PORT: waits until the server answers, and makes its database
  require_alive_until 60 "$1" "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$2"
  local -a psql=("$(postgres_bin)/psql" -X -q -h 127.0.0.1 -p "$2" -U sharding -d postgres -v ON_ERROR_STOP=1)
  [[ $("${psql[@]}" -At -c "select 1 from pg_database where datname = 'sharding'") == 1 ]] ||
    "${psql[@]}" -c 'create database sharding'
}

shard_schema() { # shard_schema ID...: makes the roles that log in at these shards, and the schema, as superuser
  local id port
  local -a arguments=(migrate)
  for id in "$@"; do
    port=$(shard_port "$id")
    [[ -z $HA ]] || port=$(patroni_host_port "$(patroni_primary "$id")")
    "$(postgres_bin)/psql" -X -q -h 127.0.0.1 -p "$port" -U sharding -d sharding -v ON_ERROR_STOP=1 -f "$ROOT/migrations/make_roles.sql" || return
    [[ -z $HA ]] || shard_standby_rights "$port"
    arguments+=(--database "$(shard_hosts "$id")/sharding")
  done
  ADMIN_USER=sharding admin_run "${arguments[@]}"
}

shard_standby_rights() { # shard_standby_rights PORT: what routers need more if a standby may take over
  "$(postgres_bin)/psql" -X -q -h 127.0.0.1 -p "$1" -U sharding -d sharding -v ON_ERROR_STOP=1 -f "$ROOT/migrations/make_standby_rights.sql"
}

shards_up() { # starts all shards of the list at the same time
  local id port
  local -a ids=() making=()
  shards_folder
  tls_give_to_shards
  if [[ -n $HA ]]; then
    patroni_up
    return
  fi
  mapfile -t ids < <(shard_ids)
  for id in "${ids[@]}"; do
    [[ -d $(readlink -f "$STATE/shards")/$id ]] && continue
    rm -rf "$(readlink -f "$STATE/shards")/$id.new"
    (cd / && shard_create "$id") &
    making+=("$!:$id")
  done
  for id in "${making[@]}"; do
    wait "${id%%:*}" || { tail_of "$LOGS/${id#*:}.log"; die "$EXIT_FAILED" "cannot make the shard ${id#*:}"; }
  done
  for id in "${ids[@]}"; do
    is_running "$id" || shard_start "$id" "$(shard_port "$id")"
  done
  for id in "${ids[@]}"; do
    port=$(shard_port "$id")
    shard_wait "$id" "$port"
  done
}

shards_down() {
  local id
  if [[ -n $HA ]]; then
    patroni_down
    return
  fi
  standbys_down # first: a primary that stops waits for its standbys
  for id in $(shard_ids); do
    signal_process "$id" INT # a fast shutdown: open transactions are rolled back, and everything is flushed
  done
  for id in $(shard_ids); do
    stop_process "$id" INT 60
  done
}

shards_wipe() {
  [[ ! -L $STATE/shards ]] || rm -rf "$(readlink -f "$STATE/shards")"
  rm -rf "$STATE/shards" "$STATE/shards.list" "$STATE/etcd"
}
