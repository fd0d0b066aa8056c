# shellcheck shell=bash
# The text that `up` prints at its end.

up_show() {
  local url
  url=$(tls_scheme)://127.0.0.1:$PROXY_PORT
  cat <<TEXT

Ready after $(seconds_since "$UP_STARTED").
  data API    $url/v1        (through HAProxy; routers $(routers_running | sed "s/^/r/" | paste -sd' '))
  OpenAPI     $url/openapi/v1.json; to read: http://127.0.0.1:$((OPS_PORT + 1))/reference
  proxy       http://127.0.0.1:$STATS_PORT/           (statistics; /metrics)
  routers     http://127.0.0.1:$((OPS_PORT + 1))/metrics    (r1's operations port)$(up_agent_line)$(up_open_line)

Try:$(key_lines)
$(up_curl_lines "$url")

Next: ./dev status · ./dev admin status · ./dev shard s$(($(shard_ids | wc -l) + 1)) · ./dev test · ./dev down
TEXT
}

up_open_line() { # prints a complaint if the cluster runs without API keys
  [[ $AUTH != open ]] || printf '\n  OPEN        nobody is asked for an API key: whoever reaches a port may read and write everything'
}

up_agent_line() { # prints a line if an agent runs
  ! is_running agent || printf '\n  agent       http://127.0.0.1:%d/metrics    (metrics of all moves)' "$AGENT_METRICS_PORT"
}

up_curl_lines() { # prints commands that work as they are, with or without the sample data
  local show
  show=$(tls_curl)$(key_header)
  if [[ ! -f $STATE/loaded ]]; then
    cat <<TEXT
  curl -X PUT '$1/v1/collections/notes'$show
  curl -X PUT '$1/v1/collections/notes/items/me/first'$show -H 'Content-Type: application/json' -d '{"text":"hello"}'
  curl '$1/v1/collections/notes/items/me/first'$show
TEXT
    return
  fi
  cat <<TEXT
  curl '$1/v1/collections/cities/items/FR/Paris,48.85341,2.3488'$show
  curl '$1/v1/collections/cities/items/IS?limit=3&f.lat=gte.65'$show
  curl '$1/v1:locate'$show -H 'Content-Type: application/json' -d '{"pk":"FR"}'
TEXT
}

up_stay() { # stays in the foreground until Ctrl-C, or until somebody runs ./dev down
  echo
  echo "Ctrl-C stops everything (data is kept)."
  trap 'echo; trap - INT TERM; down_processes; exit 0' INT TERM
  while anything_running; do
    sleep 1 &
    wait $! || true
  done
  echo "The cluster was stopped."
}
