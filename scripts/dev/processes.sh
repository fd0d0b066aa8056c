# shellcheck shell=bash
# Background processes. A pid file has "pid start-time". If another process got the same pid, its start time differs: signals reach
# only processes that were started here.

STARTED_NOW=() # the processes that this run has started; they are stopped again if it fails halfway

start_time_of() { # start_time_of PID: prints clock ticks since boot; fails if there is no such process, or it is dead
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the program's name, which may have spaces and parentheses. The fields after the last ") " have none.
  local -a fields
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != [ZX] ]] && echo "${fields[19]}"
}

pid_of() { # pid_of NAME: prints its pid; fails if it does not run
  local pid started
  { read -r pid started <"$RUN/$1.pid"; } 2>/dev/null || return 1
  [[ -n $started && $(start_time_of "$pid") == "$started" ]] && echo "$pid"
}

is_running() { pid_of "$1" >/dev/null; }

anything_running() {
  local file
  for file in "$RUN"/*.pid; do
    [[ -f $file ]] && is_running "$(basename "$file" .pid)" && return 0
  done
  return 1
}

start_process() { # start_process NAME COMMAND...: starts it in its own session: Ctrl-C here does not reach it
  local name=$1 pid
  shift
  [[ ! -s $LOGS/$name.log ]] || mv "$LOGS/$name.log" "$LOGS/$name.log.1" # the log of one earlier run is kept
  setsid "$@" >>"$LOGS/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  disown "$pid"
  echo "$pid $(start_time_of "$pid")" >"$RUN/$name.pid"
  STARTED_NOW+=("$name")
}

signal_process() { # signal_process NAME SIGNAL
  local pid
  pid=$(pid_of "$1") && kill -s "$2" "$pid" 2>/dev/null || true
}

has_stopped() { ! is_running "$1"; }

stop_process() { # stop_process NAME SIGNAL SECONDS: sends the signal, waits, and kills the process if it does not end in time
  if is_running "$1"; then
    signal_process "$1" "$2"
    if ! wait_until "$3" "$1 to stop after SIG$2; it is killed now" has_stopped "$1"; then
      signal_process "$1" KILL
      wait_until 10 "$1 to be gone after SIGKILL" has_stopped "$1" || return 1
    fi
  fi
  rm -f "$RUN/$1.pid"
}

require_alive_until() { # require_alive_until SECONDS NAME CHECK...: waits until CHECK succeeds; fails at once if NAME dies
  local seconds=$1 name=$2
  shift 2
  dead_or_ready() { has_stopped "$name" || "$@"; }
  if ! wait_until "$seconds" "$name to be ready" dead_or_ready "$@" || has_stopped "$name"; then
    tail_of "$LOGS/$name.log"
    die "$EXIT_FAILED" "$name did not start; its log is $LOGS/$name.log"
  fi
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

require_port_free() { # require_port_free NAME PORT VARIABLE: fails if another program than NAME uses the port
  is_running "$1" && return
  ! port_answers "$2" || die "$EXIT_PRECONDITION" "port $2 (for $1) is in use by another program; nothing was started" \
    "give it another one with $3=…, or move all ports: DEV_PORT_OFFSET=1000 ./dev up"
}

http_get() { # http_get [HOST:]PORT PATH [KEY]: prints the whole answer. Without curl, because the machine may not have it
  local address=127.0.0.1:$1 show=
  [[ -z ${3:-} ]] || show="Authorization: Bearer $3"$'\r\n'
  [[ $1 != *:* ]] || address=$1
  (
    exec 3<>"/dev/tcp/${address/:/\/}" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n' "$2" "$show" >&3
    timeout 5 cat <&3
  ) 2>/dev/null
}

http_ok() { # http_ok PORT PATH [KEY]: succeeds if the answer is 200
  [[ $(http_get "$1" "$2" "${3:-}" | head -c 12) == "HTTP/1.1 200" ]]
}
