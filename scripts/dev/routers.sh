# shellcheck shell=bash

routers_known() { # prints the numbers of the routers that were started and not stopped, in ascending order; also of dead ones
  local file
  for file in "$RUN"/r[0-9]*.pid; do
    [[ ! -f $file ]] || basename "$file" .pid | cut -c2-
  done | sort -n
}

routers_running() {
  local n
  for n in $(routers_known); do
    ! is_running "r$n" || echo "$n"
  done
}

router_start() { # router_start N
  local state=$STATE/routers/r$1
  local -a tls
  mapfile -t tls < <(tls_router_environment)
  mkdir -p "$state"
  start_process "r$1" env -u ASPNETCORE_URLS -u ASPNETCORE_HTTP_PORTS \
    SHARDING_CLUSTER="$CLUSTER" SHARDING_REDIS="$(tls_redis)" SHARDING_ROUTER_ID="r$1" SHARDING_BIND=127.0.0.1 \
    SHARDING_DATA_PORT=$((ROUTER_PORT + $1)) SHARDING_OPS_PORT=$((OPS_PORT + $1)) SHARDING_STATE_DIR="$state" SHARDING_AUTH="${AUTH:-required}" \
    PGUSER=sharding_router "${tls[@]}" dotnet "$(staged ShardRouter)"
}

routers_up() { # routers_up COUNT: starts the routers 1…COUNT that do not run, and waits until all are ready
  local n
  for ((n = 1; n <= $1; n++)); do
    is_running "r$n" || router_start "$n"
  done
  for ((n = 1; n <= $1; n++)); do
    require_alive_until 60 "r$n" http_ok $((OPS_PORT + n)) /health/ready
  done
}

routers_stop_above() { # routers_stop_above COUNT: stops routers with a higher number, the highest first. After SIGTERM a router
  # drains by itself. The proxy still checks it meanwhile, and sends it nothing new.
  local n
  local -a surplus
  mapfile -t surplus < <(routers_known | sort -rn)
  for n in "${surplus[@]}"; do
    ((n <= $1)) || signal_process "r$n" TERM
  done
  for n in "${surplus[@]}"; do
    # A request may take 30 s, and the router completes it before it ends.
    ((n <= $1)) || stop_process "r$n" TERM 45
  done
}
