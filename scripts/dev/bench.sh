# shellcheck shell=bash

bench_command() {
  (($# > 0)) || usage_error "bench needs a name, such as: ./dev bench get"
  if [[ $1 == micro ]]; then
    shift
    micro_run "$@"
  else
    loadtests_run "$@"
  fi
}

micro_run() { # micro_run [FILTER]: those whose class and method contain it
  (($# <= 1)) || usage_error "bench micro takes one filter, such as: ./dev bench micro Planner"
  config_load
  mkdir -p "$LOGS"
  build loadtests/Micro
  exec dotnet "$ROOT/loadtests/Micro/bin/Release/net10.0/Micro.dll" --filter "*${1:-}*" --artifacts "$ROOT/loadtests/reports/micro"
}

chaos_command() {
  case "${1:-} $#" in
    '--start-part 2') chaos_start_part "$2" ;;
    '--make-standby 2' | '--take-over 2')
      config_require
      if [[ $1 == --make-standby ]]; then standby_make "$2"; else standby_take_over "$2"; fi
      ;;
    *) loadtests_run chaos "$@" ;;
  esac
}

chaos_start_part() { # chaos_start_part NAME: one part that a fault took away, as `up` starts it, and nothing else:
  # other parts may be away at the same time, and `up` would wait for them. For the chaos run only.
  local pid=''
  config_require
  # One that died at once, because the killed one was not quite gone, left a pid without a start time, which no
  # process has: it does not run.
  { read -r pid _ <"$RUN/$1.pid"; } 2>/dev/null || true
  [[ -n $pid && -d /proc/$pid ]] || rm -f "$RUN/$1.pid"
  ! is_running "$1" || return 0
  case $1 in
    redis) redis_up ;;
    proxy) # with the configuration it had: proxy_up would leave out the routers that are away just now
      proxy_start
      require_alive_until 15 proxy port_answers "$PROXY_PORT"
      ;;
    r[0-9]*)
      router_start "${1#r}"
      require_alive_until 60 "$1" http_ok $((OPS_PORT + ${1#r})) /health/ready
      ;;
    etcd) etcd_up ;;
    *-[ab]) patroni_start "$1" ;;
    *)
      chaos_await_end_of "$1"
      shard_start "$1" "$(shard_port "$1")"
      shard_wait "$1" "$(shard_port "$1")"
      ;;
  esac
}

chaos_await_end_of() { # chaos_await_end_of SHARD: a new postmaster ends at once while the killed one is still in the process table
  local file pid=''
  file=$(readlink -f "$STATE/shards")/$1/postmaster.pid
  { read -r pid <"$file"; } 2>/dev/null || return 0
  is_gone() { [[ ! -d /proc/$pid ]]; }
  wait_until 10 "the killed postmaster of $1 to be gone" is_gone || true # a number used again, perhaps: Postgres can tell
}

loadtests_run() {
  compgen -G "$ROOT/loadtests/*.csproj" >/dev/null ||
    die "$EXIT_PRECONDITION" "there is nothing to run '$1' with yet: loadtests/ has no project in this version"
  config_load
  mkdir -p "$LOGS"
  build loadtests
  # No `dotnet run`: it would stay beside what is measured. In place of this shell, so that a signal reaches it.
  exec dotnet "$ROOT/loadtests/bin/Release/net10.0/LoadTests.dll" "$@"
}
