# shellcheck shell=bash

shard_command() {
  [[ ${1:-} =~ ^[a-z][a-z0-9_-]{0,30}$ && $# == 1 ]] || usage_error "shard needs an id such as s4, not '$*'"
  [[ ! $1 =~ ^(r[0-9]+|redis|proxy|agent|indexer|etcd|.*-(standby|a|b))$ ]] ||
    usage_error "'$1' is the name of another part of this cluster; use a name such as s4"
  local id=$1 port was_there=''
  config_require
  [[ $MODE == processes ]] || die "$EXIT_PRECONDITION" "with --compose the shards are those of compose.yaml"
  is_running redis || die "$EXIT_PRECONDITION" "the cluster is not running; ./dev up first"
  state_lock
  if port=$(shard_port "$id"); then
    was_there=yes
  else
    port=$(shard_plan_port "$id")
    shard_check_ports "$id" "$port"
    echo "$id $port" >>"$STATE/shards.list"
  fi
  step
  shards_up
  [[ -z $HA ]] || patroni_await_standbys
  shard_schema "$id" >"$LOGS/init.log" 2>&1 || cluster_init_failed migrate
  if [[ -n $was_there ]]; then
    step_done "$id" "exists already, on $(shard_hosts "$id"); its data is as it was"
    echo "./dev admin status shows whether it is in the cluster. If it is not, add it with:"
  else
    step_done "$id" "an empty Postgres on $(shard_hosts "$id"), database sharding"
    echo "Add it to the cluster with:"
  fi
  if [[ -n $HA ]]; then
    echo "./dev admin add-shard $id --host $(shard_hosts "$id") --database sharding"
  else
    echo "./dev admin add-shard $id --host 127.0.0.1 --port $port --database sharding"
  fi
}
