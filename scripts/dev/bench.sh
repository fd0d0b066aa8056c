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

micro_run() { # micro_run [FILTER]: runs the benchmarks whose class and method contain FILTER
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
    *)
      [[ " $* " != *" --ha"* ]] || { config_load && mkdir -p "$LOGS" && install_for_chaos; }
      chaos_run "$@"
      ;;
  esac
}

chaos_run() {
  config_load
  mkdir -p "$LOGS"
  build loadtests/Chaos
  # As loadtests_run: a signal reaches it.
  exec dotnet "$ROOT/loadtests/Chaos/bin/Release/net10.0/Chaos.dll" "$@"
}

fuzz_command() {
  config_load
  mkdir -p "$LOGS"
  build loadtests/Fuzz
  # As loadtests_run: a signal reaches it.
  exec dotnet "$ROOT/loadtests/Fuzz/bin/Release/net10.0/Fuzz.dll" "$@"
}

chaos_start_part() { # chaos_start_part NAME: starts one part that a fault took away, in the same way as `up`, and nothing else:
  # other parts may be away at the same time, and `up` would wait for them. For the chaos run only.
  local pid=''
  config_require
  # A part may have died at once, because the killed process was not quite gone. Then its pid file has no start time, and the
  # part does not run: the file is removed.
  { read -r pid _ <"$RUN/$1.pid"; } 2>/dev/null || true
  [[ -n $pid && -d /proc/$pid ]] || rm -f "$RUN/$1.pid"
  ! is_running "$1" || return 0
  case $1 in
    redis) redis_up ;;
    proxy) # with its old configuration: proxy_up would leave out the routers that are away at the moment
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

chaos_await_end_of() { # chaos_await_end_of SHARD: waits until the killed postmaster is gone; before that a new one ends at once
  local file pid=''
  file=$(readlink -f "$STATE/shards")/$1/postmaster.pid
  { read -r pid <"$file"; } 2>/dev/null || return 0
  is_gone() { [[ ! -d /proc/$pid ]]; }
  wait_until 10 "the killed postmaster of $1 to be gone" is_gone || true # perhaps another process has this number now: Postgres can tell
}

loadtests_run() {
  compgen -G "$ROOT/loadtests/*.csproj" >/dev/null ||
    die "$EXIT_PRECONDITION" "there is nothing to run '$1' with yet: loadtests/ has no project in this version"
  config_load
  mkdir -p "$LOGS"
  build loadtests
  # Not with `dotnet run`: that process would run beside the measured ones. `exec` replaces this shell: signals reach the program.
  exec dotnet "$ROOT/loadtests/bin/Release/net10.0/LoadTests.dll" "$@"
}
