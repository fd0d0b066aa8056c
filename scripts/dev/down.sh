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
    rm -rf "$STATE/redis" "$STATE/tls" "$STATE/routers" "$STATE/bin" "$STATE/run" "$STATE/logs" "$STATE"/haproxy.*
    rm -rf "$STATE/initialised" "$STATE/loaded" "$STATE/config" "$STATE/settings" "$STATE"/built* "$STATE/lock" "$(key_file)"
    rmdir "$STATE" 2>/dev/null || true # the user may have put files into it
    echo "State deleted."
  fi
}

down_processes() { # stops the proxy first and the shards last; each part finishes its work before it ends
  UP_STARTED=${EPOCHREALTIME/[.,]/}
  proxy_down
  agent_down
  indexer_down
  routers_stop_above 0
  redis_down
  shards_down
  rm -rf "$STATE/bin"
  echo "Stopped after $(seconds_since "$UP_STARTED")."
}
