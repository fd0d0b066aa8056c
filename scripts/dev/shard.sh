# shellcheck shell=bash

shard_command() {
  [[ ${1:-} =~ ^[a-z][a-z0-9_-]{0,30}$ && $# == 1 ]] || usage_error "shard needs an id such as s4, not '$*'"
  [[ ! $1 =~ ^(r[0-9]+|redis|proxy|agent|etcd|.*-(standby|a|b))$ ]] || usage_error "'$1' is the name of another part of this cluster; take one such as s4"
  local id=$1 port
  config_require
  [[ $MODE == processes ]] || die "$EXIT_PRECONDITION" "with --compose the shards are those of compose.yaml"
  is_running redis || die "$EXIT_PRECONDITION" "the cluster is not running; ./dev up first"
  state_lock
  if ! port=$(shard_port "$id"); then
    port=$(shard_plan_port "$id")
    shard_check_ports "$id" "$port"
    echo "$id $port" >>"$STATE/shards.list"
  fi
  step
  shards_up
  [[ -z $HA ]] || patroni_await_standbys
  step_done "$id" "an empty Postgres on $(shard_hosts "$id"), database sharding"
  echo "Add it to the cluster with:"
  if [[ -n $HA ]]; then
    echo "./dev admin add-shard $id --host $(shard_hosts "$id") --database sharding"
  else
    echo "./dev admin add-shard $id --host 127.0.0.1 --port $port --database sharding"
  fi
}
