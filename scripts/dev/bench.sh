# shellcheck shell=bash

bench_command() {
  (($# > 0)) || usage_error "bench needs a name, such as: ./dev bench get"
  loadtests_run "$@"
}

chaos_command() { loadtests_run chaos "$@"; }

loadtests_run() {
  compgen -G "$ROOT/loadtests/*.csproj" >/dev/null ||
    die "$EXIT_PRECONDITION" "there is nothing to run '$1' with yet: loadtests/ has no project in this version"
  config_load
  mkdir -p "$LOGS"
  build loadtests
  # No `dotnet run`: it would stay beside what is measured. In place of this shell, so that a signal reaches it.
  exec dotnet "$ROOT/loadtests/bin/Release/net10.0/LoadTests.dll" "$@"
}
