# shellcheck shell=bash
# Runs every tests/*.Tests project, one after the other: on two cores side by side they only disturb each other.

test_command() {
  local build=true
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --no-build) build=false ;;
      --postgres)
        [[ ${2:-} =~ ^[0-9]+$ ]] || usage_error "test --postgres takes a major version, such as 18"
        test_in_containers "$2"
        shift
        ;;
      *) break ;;
    esac
    shift
  done
  (($# <= 1)) || usage_error "test takes one filter; quote it"
  [[ ${1:-} != -* ]] || usage_error "test has no option '$1'; it has --no-build and --postgres VERSION"
  local filter=${1:-} project passed=0 failed=0 skipped=0
  config_load
  mkdir -p "$LOGS"
  install_missing
  install_for_tests
  if [[ $build == true ]]; then
    build_all
  fi
  if programs_current; then # the tests start them as people do, compiled ahead
    TESTED_ROUTER=$(dirname "$(program_of ShardRouter)") TESTED_ADMIN=$(dirname "$(program_of ShardAdmin)")
    export TESTED_ROUTER TESTED_ADMIN
  fi
  # A bare word is part of a name; anything else is VSTest's own language (FullyQualifiedName~Ring&Category!=Slow).
  [[ -z $filter || $filter == *[=~]* ]] || filter="FullyQualifiedName~$filter"
  for project in "$ROOT"/tests/*.Tests; do
    test_project "$project" "$filter"
  done
  ((passed + failed > 0)) || echo "dev: no test ran${filter:+ (filter: $filter)}" >&2
  printf '%d passed, %d failed' "$passed" "$failed"
  ((skipped == 0)) || printf ', %d skipped' "$skipped"
  printf '\n'
  ((failed == 0 && passed > 0)) || exit "$EXIT_FAILED"
}

test_in_containers() { # test_in_containers VERSION: the tests' Postgres servers are containers of postgres:VERSION
  docker info >/dev/null 2>&1 || die "$EXIT_PRECONDITION" "no Docker engine answers; start it, or see whether you may use it: docker info"
  docker image inspect "postgres:$1" >/dev/null 2>&1 || docker pull "postgres:$1" ||
    die "$EXIT_PRECONDITION" "there is no image postgres:$1"
  export SHARDING_TEST_POSTGRES=container SHARDING_TEST_POSTGRES_VERSION=$1
  # Debian 12's engine knows no later one. Testcontainers' own cleaner is an image of its own, and each test removes what it made.
  DOCKER_API_VERSION=$(docker version --format '{{.Server.APIVersion}}')
  export DOCKER_API_VERSION TESTCONTAINERS_RYUK_DISABLED=true
}

test_project() { # test_project FOLDER FILTER: adds to its caller's passed, failed, skipped
  local name log code=0
  local -a filter=()
  name=$(basename "$1")
  log=$LOGS/test-$name.log
  [[ -z $2 ]] || filter=(--filter "$2")
  compgen -G "$1/bin/Release/net10.0/$name.dll" >/dev/null || return 0
  (cd "$ROOT" && MSBUILDDISABLENODEREUSE=1 dotnet test "$1" -c Release --no-build --nologo "${filter[@]}" </dev/null) 2>&1 | tee "$log" || code=$?
  # "Passed!  - Failed:     0, Passed:    12, Skipped:     1, Total: …"
  if [[ $(grep -E '^(Passed|Failed|Skipped)! ' "$log" | tail -n 1) =~ Failed:\ +([0-9]+),\ Passed:\ +([0-9]+),\ Skipped:\ +([0-9]+) ]]; then
    ((failed += BASH_REMATCH[1], passed += BASH_REMATCH[2], skipped += BASH_REMATCH[3])) || true
    ((code == 0 || BASH_REMATCH[1] > 0)) || { echo "dev: $name ended with exit code $code" >&2; ((failed += 1)); }
  elif ((code != 0)); then
    echo "dev: $name did not finish; its output is in $log" >&2
    ((failed += 1))
  fi
}
