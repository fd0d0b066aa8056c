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
  detect_feed
  (cd "$ROOT" && exec dotnet run --project loadtests -c Release -- "$@")
}
