# shellcheck shell=bash
# Shows the running parts and their addresses. Tests and tools read the JSON form; it does not change when the table does.

status_command() {
  local json=false
  case ${1:-} in
    '') ;;
    --json) json=true ;;
    *) usage_error "status has no option '$1'" ;;
  esac
  config_require
  if [[ $MODE == compose ]]; then
    compose_status "$json"
  elif [[ $json == true ]]; then
    status_json
  else
    status_table
  fi
  # Exit code 0: everything runs; 3: nothing runs; 1: a part runs.
  [[ $MODE != compose ]] || return 0
  anything_running || return "$EXIT_NOT_FOUND"
  status_complete || return "$EXIT_FAILED"
}

status_complete() {
  local name
  for name in redis proxy $(shard_processes) $(routers_known | sed 's/^/r/'); do
    is_running "$name" || return 1
  done
  [[ -z $HA ]] || is_running etcd || return 1
  ! agent_known || is_running agent
}

status_json() {
  local name n separator=
  printf '{"proxy":"%s://127.0.0.1:%d","routers":[' "$(tls_scheme)" "$PROXY_PORT"
  for n in $(routers_known); do
    name=r$n
    printf '%s{"id":"%s","url":"%s://127.0.0.1:%d","ops":"http://127.0.0.1:%d","pid":%s}' "$separator" "$name" "$(tls_scheme)" \
      $((ROUTER_PORT + n)) $((OPS_PORT + n)) "$(pid_of "$name" || echo null)"
    separator=,
  done
  printf '],"redis":{"host":"127.0.0.1","port":%d,"pid":%s},"shards":[' "$REDIS_PORT" "$(pid_of redis || echo null)"
  separator=
  for name in $(shard_ids); do
    printf '%s%s' "$separator" "$(status_shard_json "$name")"
    separator=,
  done
  printf ']'
  [[ -z $HA ]] || printf ',"etcd":{"host":"127.0.0.1","port":%d,"pid":%s}' "$ETCD_PORT" "$(pid_of etcd || echo null)"
  printf ',"agent":{"metrics":"http://127.0.0.1:%d/metrics","pid":%s},"apiKey":%s,"ca":%s}\n' \
    "$AGENT_METRICS_PORT" "$(pid_of agent || echo null)" "$(key_json)" "$(tls_json)"
}

status_shard_json() { # status_shard_json ID: with --ha the server is the current primary
  if [[ -n $HA ]]; then
    patroni_status_json "$1"
    return
  fi
  printf '{"id":"%s","host":"127.0.0.1","port":%d,"database":"sharding","pid":%s}' "$1" "$(shard_port "$1")" "$(pid_of "$1" || echo null)"
}

status_row() { # status_row NAME ADDRESS
  local pid
  if pid=$(pid_of "$1"); then
    printf '%-8s %-34s running  pid %s\n' "$1" "$2" "$pid"
  else
    printf '%-8s %-34s stopped\n' "$1" "$2"
  fi
}

status_table() {
  local name n
  status_row proxy "$(tls_scheme)://127.0.0.1:$PROXY_PORT"
  for n in $(routers_known); do
    name=r$n
    status_row "$name" "$(tls_scheme)://127.0.0.1:$((ROUTER_PORT + n)) ops $((OPS_PORT + n))"
  done
  ! agent_known || status_row agent "http://127.0.0.1:$AGENT_METRICS_PORT/metrics"
  status_row redis "127.0.0.1:$REDIS_PORT"
  [[ -z $HA ]] || status_row etcd "127.0.0.1:$ETCD_PORT"
  for name in $(shard_ids); do
    if [[ -n $HA ]]; then
      patroni_status_rows "$name"
    else
      status_row "$name" "127.0.0.1:$(shard_port "$name")/sharding"
    fi
  done
  if [[ $AUTH == open ]]; then
    echo "open: whoever reaches a port may read and write everything"
  elif [[ -n $(key_show) ]]; then
    echo "API key: $(key_file)"
  fi
  [[ -z $TLS ]] || echo "TLS: certificates and their authority are in $(tls_folder)"
  echo "state and logs: $STATE"
}
