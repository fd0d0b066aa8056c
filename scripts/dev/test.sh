# shellcheck shell=bash
# Runs all projects tests/*.Tests, one after the other: side by side on two cores they would only disturb each other. Tests that are marked
# as long are left out, unless --all or a filter asks for them. Each long test has a short one beside it, which checks the same on a sample.

readonly NOT_LONG='Category!=Long'

# What rests most on its tests comes first: --minutes cuts the end off. Projects that are not named here follow.
readonly TESTS_FIRST=(ShardCore ShardRouter EndToEnd ShardAdmin)

# With --minutes, a test that takes longer than this hangs: it is ended and fails. A test that is cut off at the end is only skipped.
readonly HANGS_AFTER=8m

# With --again, a project with at most so many failures has them run a second time. More are no accident.
readonly MOST_AGAIN=10

# So many seconds more have those of a project that was cut off.
readonly AGAIN_SECONDS=300

test_command() {
  local build=true again=false all=false deadline=
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --no-build) build=false ;;
      --again) again=true ;;
      --all) all=true ;;
      --minutes)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage_error "test --minutes takes a number, such as 60"
        deadline=$((SECONDS + $2 * 60))
        shift
        ;;
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
  [[ ${1:-} != -* ]] || usage_error "test has no option '$1'; it has --all, --no-build, --again, --minutes N and --postgres VERSION"
  local filter=${1:-} project passed=0 failed=0 skipped=0
  config_load
  mkdir -p "$LOGS"
  install_missing
  install_for_tests
  if [[ $build == true ]]; then
    build_all
  fi
  if programs_current; then # tests start the published programs, as users do
    # The router is not among them: with machine code from the start it takes up to 431 MB in MemoryTests, where 400 are allowed.
    TESTED_ADMIN=$(dirname "$(program_of ShardAdmin)")
    export TESTED_ADMIN
  fi
  # A single word is a part of a test's name; anything else is a filter of VSTest (FullyQualifiedName~Ring&Category!=Slow).
  [[ -z $filter || $filter == *[=~]* ]] || filter="FullyQualifiedName~$filter"
  [[ -n $filter || $all == true ]] || filter=$NOT_LONG
  while read -r project; do
    test_project "$project" "$filter"
  done < <(test_projects)
  ((passed + failed > 0)) || echo "dev: no test ran${filter:+ (filter: $filter)}" >&2
  [[ $filter != "$NOT_LONG" ]] || echo "dev: long tests were left out; ./dev test --all runs them too"
  printf '%d passed, %d failed' "$passed" "$failed"
  ((skipped == 0)) || printf ', %d skipped' "$skipped"
  printf '\n'
  ((failed == 0 && passed > 0)) || exit "$EXIT_FAILED"
}

test_projects() { # prints the folders, in their order
  local first
  {
    for first in "${TESTS_FIRST[@]}"; do
      echo "$ROOT/tests/$first.Tests"
    done
    printf '%s\n' "$ROOT"/tests/*.Tests
  } | awk '!seen[$0]++'
}

test_in_containers() { # test_in_containers VERSION: tests start their Postgres servers as containers of postgres:VERSION
  docker info >/dev/null 2>&1 ||
    die "$EXIT_PRECONDITION" "no Docker engine answers; start it, or check whether you may use it: docker info"
  docker image inspect "postgres:$1" >/dev/null 2>&1 || docker pull "postgres:$1" ||
    die "$EXIT_PRECONDITION" "there is no image postgres:$1"
  export SHARDING_TEST_POSTGRES=container SHARDING_TEST_POSTGRES_VERSION=$1
  # The engine of Debian 12 knows no later version of the API. Testcontainers' cleaner (Ryuk) would need another image, and is not
  # needed: each test removes its containers.
  DOCKER_API_VERSION=$(docker version --format '{{.Server.APIVersion}}')
  export DOCKER_API_VERSION TESTCONTAINERS_RYUK_DISABLED=true
}

test_project() { # test_project FOLDER FILTER: adds to its caller's passed, failed, skipped
  local name log code=0 failures
  local -a filter=()
  name=$(basename "$1")
  log=$LOGS/test-$name.log
  [[ -z $2 ]] || filter=(--filter "$2")
  compgen -G "$1/bin/Release/net10.0/$name.dll" >/dev/null || return 0
  if test_time_is_over; then
    echo "dev: $name is skipped, the time was over" >&2
    ((skipped += 1))
    return
  fi
  test_run "$1" --logger 'console;verbosity=normal' "${filter[@]}" 2>&1 | tee "$log" | test_output "$2" || code=$?
  ((code != 130)) || {
    echo "dev: interrupted" >&2
    exit 130
  }
  failures=$(test_count Failed "$log")
  ((passed += $(test_count Passed "$log"), failed += failures, skipped += $(test_count Skipped "$log"))) || true
  if ((code == 0)); then
    return
  elif test_time_is_over; then
    echo "dev: $name was cut off, the time was over; what had not run counts as one skipped test" >&2
    ((skipped += 1))
    if [[ $again == true ]] && ((failures > 0 && failures <= MOST_AGAIN)); then
      local deadline=$((SECONDS + AGAIN_SECONDS)) # for these only
      test_again "$1" "$log" "$2"
    fi
  elif ((failures == 0)); then
    echo "dev: $name ended with exit code $code; its output is in $log" >&2
    ((failed += 1))
  elif [[ $again == true ]] && ((failures <= MOST_AGAIN)); then
    test_again "$1" "$log" "$2"
  fi
}

test_count() { # test_count Passed|Failed|Skipped LOG: how many tests ended so
  grep -cE "^  $1 .* \[[^]]+\]\$" "$2" || true
}

test_time_is_over() { [[ -n $deadline ]] && ((SECONDS >= deadline)); }

test_run() { # test_run FOLDER ARGUMENTS...: without a new build; with --minutes no longer than what is left of them
  local folder=$1
  local -a limit=()
  shift
  if [[ -n $deadline ]]; then
    limit=(timeout --kill-after=20 $((deadline > SECONDS ? deadline - SECONDS : 1)))
    set -- "$@" --blame-hang-timeout "$HANGS_AFTER" --blame-hang-dump-type none
  fi
  (cd "$ROOT" && MSBUILDDISABLENODEREUSE=1 "${limit[@]}" dotnet test "$folder" -c Release --no-build --nologo "$@" </dev/null)
}

test_output() { # test_output FILTER: what passed is in the log alone; with a filter, a project without such a test is nothing to read about
  if [[ -n $1 ]]; then
    grep --line-buffered -vE '^  Passed |^(No test matches|Test run for|A total of|Starting test execution)|^\[xUnit\.net [0-9:.]+\]   (Disc|Start|Fin)|^$' || true
  else
    grep --line-buffered -vE '^  Passed ' || true
  fi
}

# test_again FOLDER LOG FILTER: runs the tests that LOG tells as failed, one by one. Many tests measure times, and a machine that is busy with
# something else for a moment fails them. One that passes alone counts as passed, and is named as unstable: somebody has to look at it.
test_again() {
  local test
  while read -r test; do
    if test_time_is_over; then
      echo "dev: $test failed; no time was left to run it again" >&2
      continue
    fi
    echo "dev: $test failed; again, alone:"
    if test_run "$1" --filter "FullyQualifiedName=$test${3:+&($3)}" 2>&1 | tee "$2.again"; then
      echo "dev: unstable: $test failed at first, and passed alone"
      local cases
      cases=$(grep -cE "^ +Failed ${test//./\\.}[ (]" "$2")
      ((failed -= cases, passed += cases)) || true
    fi
  done < <(grep -oP '^\s+Failed \K[\w.+]+' "$2" | sort -u)
}
