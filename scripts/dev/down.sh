# shellcheck shell=bash

down_command() {
  local wipe=false
  case ${1:-} in
    '') ;;
    --wipe) wipe=true ;;
    *) usage_error "down has no option '$1'" ;;
  esac
  (($# <= 1)) || usage_error "down has no option '$2'"
  config_load
  if [[ ! -d $STATE ]]; then
    echo "There is no cluster in $STATE."
    return
  fi
  state_lock
  if [[ $MODE == compose ]]; then
    compose_down "$wipe"
  else
    down_processes
  fi
  if [[ $wipe == true ]]; then
    shards_wipe
    rm -rf "$STATE/redis" "$STATE/routers" "$STATE/bin" "$STATE/run" "$STATE/logs" "$STATE"/haproxy.* "$STATE/initialised" "$STATE/loaded" "$STATE/config"
    rm -rf "$STATE"/built* "$STATE/lock"
    rmdir "$STATE" 2>/dev/null || true # something of the user's may be in it
    echo "State deleted."
  fi
}

down_processes() { # what faces the users first; each finishes what it has
  UP_STARTED=${EPOCHREALTIME/[.,]/}
  proxy_down
  agent_down
  routers_stop_above 0
  redis_down
  shards_down
  rm -rf "$STATE/bin"
  echo "Stopped after $(seconds_since "$UP_STARTED")."
}
