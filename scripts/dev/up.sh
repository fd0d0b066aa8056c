# shellcheck shell=bash

up_options() {
  SHARDS='' ROUTERS='' WANTED_HA='' WITH_AGENT=false WITH_DATA=true DETACH=false COMPOSE=false BUILD=true OPEN=false WANTED_TLS=''
  while (($# > 0)); do
    case $1 in
      --shards | --routers)
        [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage_error "$1 needs a number from 1 to 99, not '${2:-}'"
        if [[ $1 == --shards ]]; then SHARDS=$2; else ROUTERS=$2; fi
        shift
        ;;
      --ha) WANTED_HA=${WANTED_HA:-any} ;;
      --ha-mode)
        [[ ${2:-} =~ ^a?sync$ ]] || usage_error "--ha-mode is sync or async, not '${2:-}'"
        WANTED_HA=$2
        shift
        ;;
      --agent) WITH_AGENT=true ;;
      --open) OPEN=true ;;
      --tls) WANTED_TLS=true ;;
      --no-data) WITH_DATA=false ;;
      --detach | -d) DETACH=true ;;
      --compose) COMPOSE=true ;;
      --no-build) BUILD=false ;;
      *) usage_error "up has no option '$1'" ;;
    esac
    shift
  done
}

up_command() {
  up_options "$@"
  config_load for-up
  settings_load for-up
  state_lock
  up_check_mode
  config_check_move
  if [[ $COMPOSE == true ]]; then
    compose_up
    return
  fi
  auth_choose "$(anything_running && echo true || echo false)"
  trap up_take_back EXIT
  up_cluster
  trap - EXIT
  state_unlock
  up_show
  [[ $DETACH == true ]] || up_stay
}

up_check_mode() {
  local wanted=processes
  [[ ${SHARDING_CLUSTER:-$CLUSTER} == "$CLUSTER" ]] ||
    die "$EXIT_PRECONDITION" "the cluster in $STATE is called $CLUSTER, not $SHARDING_CLUSTER; './dev down --wipe' first, or another folder: DEV_HOME=…"
  [[ $COMPOSE != true ]] || wanted=compose
  [[ -z $MODE || $MODE == "$wanted" ]] ||
    die "$EXIT_PRECONDITION" "the cluster in $STATE was started with $MODE; './dev down --wipe' first, or another folder: DEV_HOME=…"
  [[ $wanted$WANTED_TLS != composetrue ]] || \
    usage_error "--tls is for ./dev up without --compose; docs/operations/security.md has TLS in containers"
  if [[ -z $MODE ]]; then
    HA=${WANTED_HA/any/sync} TLS=$WANTED_TLS
    config_resolve
  elif [[ -n $WANTED_HA && $WANTED_HA != "$HA" && ($WANTED_HA != any || -z $HA) ]]; then
    wanted="without --ha"
    [[ -z $HA ]] || wanted="with --ha-mode $HA"
    die "$EXIT_PRECONDITION" "the cluster in $STATE was started $wanted; './dev down --wipe' first, or another folder: DEV_HOME=…"
  elif [[ -n $WANTED_TLS && -z $TLS ]]; then
    die "$EXIT_PRECONDITION" "the cluster in $STATE was started without --tls; './dev down --wipe' first, or another folder: DEV_HOME=…"
  fi
  tls_export
}

up_cluster() {
  local existing
  existing=$(shard_ids | wc -l)
  # The number of shards is chosen only once, because the ring and the data depend on it. ./dev shard adds more.
  if [[ -n $SHARDS && -n $SHARD_COUNT && $SHARDS != "$SHARD_COUNT" && $SHARDS != "$existing" ]]; then
    die "$EXIT_PRECONDITION" "this cluster has $existing shards, not $SHARDS" \
      "add one with './dev shard s$((existing + 1))', or start over: './dev down --wipe'"
  fi
  SHARDS=${SHARD_COUNT:-${SHARDS:-3}}
  [[ -n $ROUTERS ]] || ROUTERS=$(routers_known | tail -n 1) # the present number
  ROUTERS=${ROUTERS:-2}

  echo "Starting the cluster in $STATE"
  install_missing
  up_plan_shards
  up_check_ports
  [[ $BUILD != true ]] || build_programs
  stage_programs
  config_save processes "$SHARDS"
  [[ ! -f $STATE/shards.list.new ]] || mv "$STATE/shards.list.new" "$STATE/shards.list"
  tls_make
  step
  redis_up
  shards_up
  step_done databases "Redis on $REDIS_PORT, shards $(shard_ids | paste -sd' ') on $(up_shard_ports)"
  cluster_init
  key_make admin_run
  step
  routers_up "$ROUTERS"
  # Routers stop before they leave the proxy's list: the proxy still checks a draining router and sends it nothing new.
  routers_stop_above "$ROUTERS"
  step_done routers "$(routers_running | sed 's/^/r/' | paste -sd' ') ready"
  step
  proxy_up
  step_done proxy "HAProxy on $PROXY_PORT"
  if [[ $WITH_AGENT == true ]] || agent_known; then
    step
    agent_up
    step_done agent "continues interrupted and detached moves; metrics on $AGENT_METRICS_PORT"
  else
    indexer_up
  fi
  if [[ -n $HA ]]; then
    step
    patroni_await_standbys
    step_done standbys "one for each shard"
  fi
  [[ $WITH_DATA != true ]] || data_load
}

up_shard_ports() { # prints the ports of all shards; those of one shard are joined by commas
  local id
  for id in $(shard_ids); do
    shard_hosts "$id" | sed 's/127\.0\.0\.1://g'
  done | paste -sd' '
}

up_plan_shards() { # the first `up` chooses the shards and their ports
  [[ -s $STATE/shards.list ]] && return
  local n
  for ((n = 1; n <= SHARDS; n++)); do
    echo "s$n $(shard_plan_port "s$n")"
  done >"$STATE/shards.list.new"
}

up_check_ports() { # checks all ports before anything starts
  local id port n list=$STATE/shards.list
  [[ ! -f $list.new ]] || list=$list.new
  while read -r id port; do
    shard_check_ports "$id" "$port"
  done <"$list"
  if [[ -n $HA ]]; then
    require_port_free etcd "$ETCD_PORT" DEV_ETCD_PORT
    require_port_free etcd $((ETCD_PORT + 1)) DEV_ETCD_PORT
  fi
  require_port_free redis "$REDIS_PORT" DEV_REDIS_PORT
  for ((n = 1; n <= ROUTERS; n++)); do
    require_port_free "r$n" $((ROUTER_PORT + n)) DEV_ROUTER_PORT
    require_port_free "r$n" $((OPS_PORT + n)) DEV_OPS_PORT
  done
  require_port_free proxy "$PROXY_PORT" DEV_PROXY_PORT
  require_port_free proxy "$STATS_PORT" DEV_STATS_PORT
  if [[ $WITH_AGENT == true ]] || agent_known; then
    require_port_free agent "$AGENT_METRICS_PORT" DEV_AGENT_METRICS_PORT
  fi
}

up_take_back() { # after `up` failed: stops the processes that it started; others keep running
  local i
  rm -f "$STATE/shards.list.new"
  ((${#STARTED_NOW[@]} > 0)) || return
  echo "dev: stopping the processes that were started" >&2
  for ((i = ${#STARTED_NOW[@]} - 1; i >= 0; i--)); do
    case ${STARTED_NOW[i]} in
      redis | proxy | agent | indexer | etcd | r[0-9]*) stop_process "${STARTED_NOW[i]}" TERM 15 ;;
      *-[ab]) patroni_stop "${STARTED_NOW[i]}" ;;
      *) stop_process "${STARTED_NOW[i]}" INT 30 ;;
    esac
  done
}

cluster_init() { # the first time makes roles, schema and ring; later only what the roles and the schema lack
  local id what="roles and schema"
  local -a ids arguments=(init)
  mapfile -t ids < <(shard_ids)
  step
  shard_schema "${ids[@]}" >"$LOGS/init.log" 2>&1 || cluster_init_failed migrate
  if [[ ! -f $STATE/initialised ]]; then
    what+=" and ring"
    for id in "${ids[@]}"; do
      arguments+=(--shard "$id=$(shard_hosts "$id")/sharding")
    done
    admin_run "${arguments[@]}" >>"$LOGS/init.log" 2>&1 || cluster_init_failed init
  fi
  touch "$STATE/initialised"
  step_done init "$what"
}

cluster_init_failed() { # cluster_init_failed COMMAND
  tail_of "$LOGS/init.log"
  die "$EXIT_FAILED" "shardadmin $1 failed"
}
