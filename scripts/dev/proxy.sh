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
  # HAProxy first makes a socket under a temporary name, and the path may have at most 97 bytes.
  ((${#socket} <= 90)) || socket=/tmp/sharding-haproxy-$PROXY_PORT.sock
  environment=(PROXY_BIND="127.0.0.1:$PROXY_PORT" STATS_BIND="127.0.0.1:$STATS_PORT" PROXY_SOCK="$socket"
    PROXY_THREADS="${PROXY_THREADS:-$((($(nproc) + 1) / 2))}")
  [[ -z $TLS ]] || environment+=(PROXY_CERT="$(tls_folder)/proxy.pem" ROUTERS_CA="$(tls_folder)/ca.pem" ROUTERS_NAME=router)
}

proxy_knows_all() { # succeeds if the worker that answers now has exactly the running routers
  local known wanted
  known=$(http_get "$STATS_PORT" '/;csv' | grep -oE '^routers,r[0-9]+' | cut -c10- | sort -n) || true
  wanted=$(routers_running)
  [[ $known == "$wanted" ]]
}

proxy_up() { # starts the proxy; if it runs and the list of routers has changed, reloads it without losing a request
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

# The proxy has a higher priority than the routers (docs/adr/0014-the-proxy-goes-first.md): if all share the same cores, requests
# should gather in the routers, where many together cost less. Where autogroups are on, Linux shares the cores among sessions, and
# `nice` only counts within one session; therefore the autogroup gets the priority too. This needs root; without it the proxy runs
# with the usual priority.
proxy_start() { # starts the proxy with the present configuration
  local -a environment
  proxy_environment
  start_process proxy env "${environment[@]}" bash -c \
    '{ echo -10 >/proc/self/autogroup; renice -n -10 -p $$; } >/dev/null 2>&1; exec haproxy -W -f "$0"' "$STATE/haproxy.cfg"
}

proxy_down() { stop_process proxy TERM 15; }
