# shellcheck shell=bash
# The output for people: one line per step with its seconds, and errors that name the next step.

readonly EXIT_FAILED=1 EXIT_USAGE=2 EXIT_NOT_FOUND=3 EXIT_PRECONDITION=4

STEP_STARTED=0
UP_STARTED=${EPOCHREALTIME/[.,]/}

die() { # die EXIT_CODE MESSAGE...: prints each MESSAGE as a line, and exits
  local code=$1 line
  shift
  for line in "$@"; do
    echo "dev: $line" >&2
  done
  exit "$code"
}

unknown_command() { # unknown_command WORD: names the command that begins with the same two letters, if there is one
  local meant
  for meant in up down status env build test admin shard ha bench chaos mutants; do
    [[ ${meant:0:2} != "${1:0:2}" ]] || usage_error "unknown command '$1'; did you mean './dev $meant'?"
  done
  usage_error "unknown command '$1'"
}

usage_error() {
  die "$EXIT_USAGE" "$1" "./dev help shows all commands"
}

seconds_since() { # seconds_since MICROSECONDS: "1.2 s"
  local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

step() { STEP_STARTED=${EPOCHREALTIME/[.,]/}; }

step_done() { # step_done NAME WHAT
  printf '  %-10s %-58s %8s\n' "$1" "$2" "$(seconds_since "$STEP_STARTED")"
}

note() { printf '  %-10s %s\n' "$1" "$2"; }

tail_of() { # tail_of FILE: prints the end of a log, as part of an error
  echo "--- the end of $1" >&2
  tail -n 25 "$1" >&2 || true
  echo "---" >&2
}

wait_until() { # wait_until SECONDS WHAT COMMAND...: repeats the command until it succeeds; fails after SECONDS
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    if ((SECONDS >= deadline)); then
      echo "dev: gave up waiting: $what" >&2
      return 1
    fi
    sleep 0.05
  done
}
