# shellcheck shell=bash
# What a person reads: one line a step with its seconds, and errors that name the next thing to do.

readonly EXIT_FAILED=1 EXIT_USAGE=2 EXIT_NOT_FOUND=3 EXIT_PRECONDITION=4

STEP_STARTED=0
UP_STARTED=${EPOCHREALTIME/[.,]/}

die() { # die EXIT_CODE MESSAGE...: each further argument is a line of its own
  local code=$1 line
  shift
  for line in "$@"; do
    echo "dev: $line" >&2
  done
  exit "$code"
}

usage_error() {
  die "$EXIT_USAGE" "$1" "./dev help shows what there is"
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

tail_of() { # tail_of FILE: the end of a log, as part of an error
  echo "--- the end of $1" >&2
  tail -n 25 "$1" >&2 || true
  echo "---" >&2
}

wait_until() { # wait_until SECONDS WHAT COMMAND...: asks until the command succeeds; false after so long
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
