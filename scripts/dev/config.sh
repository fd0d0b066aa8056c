# shellcheck shell=bash
# The state folder and its ports. A value comes from the environment, otherwise from the settings that the first `up` saved,
# otherwise from the defaults. The ports of shards do not change while there is data: the ring has their addresses.

readonly PORT_VARIABLES=(DEV_PORT_OFFSET DEV_PROXY_PORT DEV_STATS_PORT DEV_REDIS_PORT DEV_SHARD_PORT DEV_ROUTER_PORT DEV_OPS_PORT
  DEV_AGENT_METRICS_PORT DEV_HA_PORT DEV_PATRONI_PORT DEV_ETCD_PORT)

config_load() {
  STATE=${DEV_HOME:-$ROOT/.dev}
  [[ $STATE == /* ]] || STATE=$PWD/$STATE
  CLUSTER=${SHARDING_CLUSTER:-default}
  MODE='' HA='' AUTH='' TLS='' SHARD_COUNT='' REMEMBERED_SHARD_PORT='' REMEMBERED_SETTINGS=''
  local -A set_now=()
  local name
  for name in "${PORT_VARIABLES[@]}"; do
    [[ -z ${!name:-} ]] || set_now[$name]=${!name}
  done
  DEV_PORT_OFFSET=0 DEV_PROXY_PORT=8080 DEV_STATS_PORT=8079 DEV_REDIS_PORT=6390
  DEV_SHARD_PORT=5440 DEV_ROUTER_PORT=8100 DEV_OPS_PORT=8200 DEV_AGENT_METRICS_PORT=8300
  DEV_HA_PORT=5540 DEV_PATRONI_PORT=8400 DEV_ETCD_PORT=8380
  if [[ -f $STATE/config ]]; then
    # shellcheck source=/dev/null
    source "$STATE/config"
    config_resolve
    REMEMBERED_SHARD_PORT=$SHARD_PORT
    REMEMBERED_SETTINGS=$(config_settings)
  fi
  # Only `up` may move a cluster to other ports; every other command uses the existing cluster.
  if [[ ${1:-} == for-up || ! -f $STATE/config ]]; then
    for name in "${!set_now[@]}"; do
      [[ ${set_now[$name]} =~ ^[0-9]{1,5}$ ]] || usage_error "$name=${set_now[$name]} is not a port number"
      printf -v "$name" '%d' "$((10#${set_now[$name]}))"
    done
  fi
  config_resolve
}

config_resolve() { # HA is sync or async, or empty for shards with one server each
  SHARD_PORT_VARIABLE=DEV_SHARD_PORT PORTS_OF_SHARD=1
  [[ -z $HA ]] || SHARD_PORT_VARIABLE=DEV_HA_PORT PORTS_OF_SHARD=2
  PROXY_PORT=$((DEV_PROXY_PORT + DEV_PORT_OFFSET))
  STATS_PORT=$((DEV_STATS_PORT + DEV_PORT_OFFSET))
  REDIS_PORT=$((DEV_REDIS_PORT + DEV_PORT_OFFSET))
  SHARD_PORT=$((${!SHARD_PORT_VARIABLE} + DEV_PORT_OFFSET))
  ROUTER_PORT=$((DEV_ROUTER_PORT + DEV_PORT_OFFSET))
  OPS_PORT=$((DEV_OPS_PORT + DEV_PORT_OFFSET))
  AGENT_METRICS_PORT=$((DEV_AGENT_METRICS_PORT + DEV_PORT_OFFSET))
  PATRONI_PORT=$((DEV_PATRONI_PORT + DEV_PORT_OFFSET))
  ETCD_PORT=$((DEV_ETCD_PORT + DEV_PORT_OFFSET)) ETCD_ADDRESS=127.0.0.1:$((DEV_ETCD_PORT + DEV_PORT_OFFSET))
  RUN=$STATE/run LOGS=$STATE/logs
}

config_settings() { # prints the lines of the config file
  local name
  for name in "${PORT_VARIABLES[@]}"; do
    echo "$name=${!name}"
  done
  echo "CLUSTER=$CLUSTER"
}

config_check_move() { # refuses a change of ports after which parts of the cluster would not find each other
  if [[ -n $REMEMBERED_SHARD_PORT && $SHARD_PORT != "$REMEMBERED_SHARD_PORT" && -s $STATE/shards.list ]]; then
    die "$EXIT_PRECONDITION" "the shards in $STATE are on ports from $((REMEMBERED_SHARD_PORT + 1)), and the ring has these addresses" \
      "keep DEV_PORT_OFFSET and $SHARD_PORT_VARIABLE, start over with './dev down --wipe', or use another folder: DEV_HOME=…"
  fi
  if [[ -n $REMEMBERED_SETTINGS && $(config_settings) != "$REMEMBERED_SETTINGS" ]] && anything_running; then
    die "$EXIT_PRECONDITION" "the cluster in $STATE runs on other ports; './dev down' first, or use another folder: DEV_HOME=…"
  fi
}

config_save() { # config_save MODE SHARD_COUNT
  MODE=$1 SHARD_COUNT=$2
  { config_settings; echo "MODE=$1"; echo "SHARD_COUNT=$2"; echo "HA=$HA"; echo "AUTH=$AUTH"; echo "TLS=$TLS"; } >"$STATE/config"
  settings_save
}

config_require() { # for commands that need a cluster
  config_load
  [[ -f $STATE/config ]] || die "$EXIT_NOT_FOUND" "there is no cluster in $STATE" "start one with ./dev up"
  settings_load
  tls_export
}

state_lock() { # only one command at a time changes a cluster; the lock ends with this process
  mkdir -p "$STATE" "$RUN" "$LOGS"
  exec 9>"$STATE/lock"
  flock -n 9 || die "$EXIT_PRECONDITION" "another ./dev works in $STATE; wait until it has ended"
}

state_unlock() { exec 9>&-; }
