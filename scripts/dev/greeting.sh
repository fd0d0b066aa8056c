# shellcheck shell=bash
# What `up` leaves its user with.

up_show() {
  local url=http://127.0.0.1:$PROXY_PORT
  cat <<TEXT

Ready after $(seconds_since "$UP_STARTED").
  data API    $url/v1        (through HAProxy; routers $(routers_running | sed "s/^/r/" | paste -sd' '))
  OpenAPI     $url/openapi/v1.json
  proxy       http://127.0.0.1:$STATS_PORT/           (statistics; /metrics)
  routers     http://127.0.0.1:$((OPS_PORT + 1))/metrics    (r1's operations port)$(up_agent_line)

Try:
$(up_curl_lines "$url")

Next: ./dev status · ./dev admin status · ./dev shard s$(($(shard_ids | wc -l) + 1)) · ./dev test · ./dev down
TEXT
}

up_agent_line() { # a line of its own, if there is an agent
  ! is_running agent || printf '\n  agent       http://127.0.0.1:%d/metrics    (moves, whoever carries them out)' "$AGENT_METRICS_PORT"
}

up_curl_lines() { # lines that work as printed, with the sample data or without
  if [[ ! -f $STATE/loaded ]]; then
    cat <<TEXT
  curl -X PUT '$1/v1/collections/notes'
  curl -X PUT '$1/v1/collections/notes/items/me/first' -H 'Content-Type: application/json' -d '{"text":"hello"}'
  curl '$1/v1/collections/notes/items/me/first'
TEXT
    return
  fi
  cat <<TEXT
  curl '$1/v1/collections/cities/items/FR/Paris,48.85341,2.3488'
  curl '$1/v1/collections/cities/items/IS?limit=3&f.lat=gte.65'
  curl '$1/v1:locate' -H 'Content-Type: application/json' -d '{"pk":"FR"}'
TEXT
}

up_stay() { # in the foreground until Ctrl-C, or until another ./dev down
  echo
  echo "Ctrl-C stops everything (data is kept)."
  trap 'echo; trap - INT TERM; down_processes; exit 0' INT TERM
  while anything_running; do
    sleep 1 &
    wait $! || true
  done
  echo "The cluster was stopped."
}
