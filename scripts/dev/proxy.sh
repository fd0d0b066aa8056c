# shellcheck shell=bash
# HAProxy with deploy/haproxy.cfg; only its server lines differ here.

proxy_config() { # writes the configuration for the routers that run
  local line n
  while IFS= read -r line; do
    if [[ $line =~ ^[[:space:]]*server-template ]]; then
      for n in $(routers_running); do
        echo "  server r$n 127.0.0.1:$((ROUTER_PORT + n)) port $((OPS_PORT + n))"
      done
    else
      echo "$line"
    fi
  done <"$ROOT/deploy/haproxy.cfg" >"$STATE/haproxy.cfg.new"
  local -a environment
  proxy_environment
  if ! env "${environment[@]}" haproxy -c -f "$STATE/haproxy.cfg.new" >"$LOGS/proxy-check.log" 2>&1; then
    tail_of "$LOGS/proxy-check.log"
    die "$EXIT_FAILED" "HAProxy refuses its configuration, $STATE/haproxy.cfg.new"
  fi
}

proxy_environment() {
  local socket=$STATE/haproxy.sock
  # HAProxy makes sockets under a temporary name, 97 bytes at most.
  ((${#socket} <= 90)) || socket=/tmp/sharding-haproxy-$PROXY_PORT.sock
  environment=(PROXY_BIND="127.0.0.1:$PROXY_PORT" STATS_BIND="127.0.0.1:$STATS_PORT" PROXY_SOCK="$socket" PROXY_THREADS="${PROXY_THREADS:-$((($(nproc) + 1) / 2))}")
}

proxy_knows_all() { # does the worker that answers now have these routers and no others?
  local known wanted
  known=$(http_get "$STATS_PORT" '/;csv' | grep -oE '^routers,r[0-9]+' | cut -c10- | sort -n) || true
  wanted=$(routers_running)
  [[ $known == "$wanted" ]]
}

proxy_up() { # starts it, or has it take over a changed list of routers without losing a request
  local -a environment
  proxy_config
  if is_running proxy; then
    if ! cmp -s "$STATE/haproxy.cfg.new" "$STATE/haproxy.cfg"; then
      mv "$STATE/haproxy.cfg.new" "$STATE/haproxy.cfg"
      signal_process proxy USR2
    fi
  else
    mv "$STATE/haproxy.cfg.new" "$STATE/haproxy.cfg"
    proxy_start
  fi
  require_alive_until 15 proxy proxy_knows_all
}

# Ahead of those whom it sends its requests, docs/adr/0014-the-proxy-goes-first.md: on cores that all share, requests
# are to gather in the routers, where many together cost less. Sessions are what Linux shares the cores among where
# autogroups are on, and `nice` counts only within one. Without the right to it (root) it goes as it did.
proxy_start() { # with the configuration that is there
  local -a environment
  proxy_environment
  start_process proxy env "${environment[@]}" bash -c \
    '{ echo -10 >/proc/self/autogroup; renice -n -10 -p $$; } >/dev/null 2>&1; exec haproxy -W -f "$0"' "$STATE/haproxy.cfg"
}

proxy_down() { stop_process proxy TERM 15; }
