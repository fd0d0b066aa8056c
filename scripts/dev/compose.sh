# shellcheck shell=bash
# The cluster of compose.yaml, with `docker compose` or docker-compose 1.29.

compose() { # compose ARGUMENTS...: for this cluster; each state folder has its own containers and volumes
  local -a program=(docker compose)
  docker compose version >/dev/null 2>&1 || program=(docker-compose)
  [[ -z $HA ]] || program+=(--env-file "$ROOT/deploy/ha.env" --profile ha)
  (
    cd "$ROOT"
    export PROXY_PORT SYNCHRONOUS_MODE SHARDING_AUTH=${AUTH:-required}
    [[ $HA == async ]] && SYNCHRONOUS_MODE=false || SYNCHRONOUS_MODE=true
    COMPOSE_PROJECT_NAME=sharding-$(cksum <<<"$STATE" | cut -d' ' -f1) "${program[@]}" "$@" 9>&-
  )
}

compose_require() {
  command -v docker >/dev/null && { docker compose version || docker-compose version; } >/dev/null 2>&1 ||
    die "$EXIT_PRECONDITION" "missing: docker and docker compose (on Debian: apt-get install docker.io docker-compose)"
  docker info >/dev/null 2>&1 || die "$EXIT_PRECONDITION" "no Docker engine answers; start it, or check whether you may use it: docker info"
}

compose_up() {
  [[ -z $SHARDS || $SHARDS == 3 ]] || usage_error "compose.yaml has three shards; --shards $SHARDS is for ./dev up without --compose"
  compose_require
  echo "Starting the cluster of compose.yaml"
  if [[ -z $(compose ps -q proxy 2>/dev/null) ]] && port_answers "$PROXY_PORT"; then
    die "$EXIT_PRECONDITION" "port $PROXY_PORT (for the proxy) is in use; choose another: DEV_PROXY_PORT=… ./dev up --compose"
  fi
  auth_choose "$([[ -n $(compose ps -q proxy 2>/dev/null) ]] && echo true || echo false)"
  config_save compose 3
  if [[ $BUILD == true ]]; then
    step
    compose_quietly build
    step_done image sharding:local
  fi
  step
  compose_quietly up -d --scale "router=${ROUTERS:-2}"
  wait_until 120 "the proxy to answer on $PROXY_PORT; see docker logs" http_ok "$PROXY_PORT" /openapi/v1.json || exit "$EXIT_FAILED"
  step_done containers "three shards${HA:+ of two hosts each, $HA}, Redis, ${ROUTERS:-2} routers, HAProxy on $PROXY_PORT"
  key_make compose_admin
  if [[ $WITH_DATA == true ]]; then
    build_programs
    data_load
  fi
  state_unlock
  printf '\nReady after %s. Try:%s\n' "$(seconds_since "$UP_STARTED")" "$(key_lines)"
  up_curl_lines "http://127.0.0.1:$PROXY_PORT"
  printf '\nNext: ./dev status · ./dev admin status · ./dev up --compose --detach --routers 4 · ./dev down\n'
  [[ $DETACH == true ]] || compose_stay
}

compose_quietly() {
  compose "$@" >"$LOGS/compose.log" 2>&1 </dev/null && return
  tail_of "$LOGS/compose.log"
  die "$EXIT_FAILED" "docker compose $1 failed; its whole output is in $LOGS/compose.log"
}

compose_stay() {
  trap 'echo; trap - INT TERM; compose_down false; exit 0' INT TERM
  echo
  echo "Ctrl-C stops everything (data is kept)."
  while [[ -n $(compose ps -q proxy 2>/dev/null) ]]; do
    sleep 3 &
    wait $! || true
  done
}

compose_down() { # compose_down WIPE
  local -a arguments=(down)
  [[ $1 != true ]] || arguments+=(--volumes)
  compose_quietly "${arguments[@]}"
  echo "Containers removed."
}

compose_admin() { # runs shardadmin in a separate container inside the cluster's network
  local -a terminal=()
  [[ -t 0 && -t 1 ]] || terminal=(-T)
  compose run --rm --no-deps "${terminal[@]}" -e SHARDADMIN_NAME='./dev admin' init shardadmin "$@"
}

compose_status() { # compose_status JSON
  if [[ $1 != true ]]; then
    compose ps
    return
  fi
  printf '{"proxy":"http://127.0.0.1:%d","routers":[%s],"redis":%s,"shards":[%s],"apiKey":%s}\n' "$PROXY_PORT" \
    "$(compose_inspect router '{"id":"{{slice .Id 0 12}}-8080","url":"http://IP:8080","ops":"http://IP:8081","pid":{{.State.Pid}}}')" \
    "$(compose_inspect redis '{"host":"IP","port":6379,"pid":{{.State.Pid}}}')" \
    "$(for n in 1 2 3; do compose_shard_json "$n"; done | paste -sd,)" "$(key_json)"
}

compose_shard_json() { # compose_shard_json N: with --ha the server is the current primary
  local address='"host":"IP","port":5432,"pid":{{.State.Pid}}' primary=shard$1 host role hosts=
  if [[ -n $HA ]]; then
    ETCD_ADDRESS=$(compose_inspect etcd IP):2379
    primary=$(etcd_value "s$1/leader") || primary=shard$1
    for host in "shard$1" "shard${1}b"; do
      role=standby
      [[ $host != "$primary" ]] || role=primary
      role="{{if .State.Running}}\"$role\"{{else}}null{{end}}"
      hosts+="${hosts:+,}$(compose_inspect "$host" "{\"name\":\"$host\",$address,\"role\":$role}")"
    done
    hosts=",\"hosts\":[$hosts]"
  fi
  compose_inspect "$primary" "{\"id\":\"s$1\",$address,\"database\":\"sharding\"$hosts}"
}

compose_inspect() { # compose_inspect SERVICE FORMAT: prints one line, containers joined by commas; IP becomes the container's address
  local -a containers
  mapfile -t containers < <(compose ps -q "$1")
  ((${#containers[@]} > 0)) || return 0
  docker inspect -f "${2//IP/'{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'}" "${containers[@]}" | paste -sd,
}
