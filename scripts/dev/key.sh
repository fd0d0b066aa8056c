# shellcheck shell=bash
# The API key that `up` makes for whoever tries the service on this machine. With --open there is none, and none is asked for.

readonly KEY_SCOPES=items:read,items:write,items:scan,bulk,changes,collections:admin

key_file() { echo "$STATE/api-key"; }

key_make() { # the first time; a file with the key alone, for this user alone
  [[ $AUTH != open && ! -s $(key_file) ]] || return 0
  local key
  step
  key=$("$1" keys create --name dev --scopes "$KEY_SCOPES" --quiet 2>"$LOGS/key.log") && [[ $key == shk_* ]] || {
    tail_of "$LOGS/key.log"
    die "$EXIT_FAILED" "no API key could be made"
  }
  (umask 077 && printf '%s\n' "$key" >"$(key_file)")
  step_done key "with all rights, in $(key_file)"
}

key_show() { # the key, or nothing
  [[ $AUTH == open || ! -s $(key_file) ]] || head -n 1 "$(key_file)"
}

key_json() { # for ./dev status --json
  local key
  key=$(key_show)
  [[ -n $key ]] && printf '"%s"' "$key" || printf null
}

key_lines() { # for people, before the curl lines
  # shellcheck disable=SC2016 # the user's shell expands it
  [[ -z $(key_show) ]] || printf '\n  KEY=$(cat %q)' "$(key_file)"
}

key_header() { # for a curl line
  # shellcheck disable=SC2016 # the user's shell expands it
  [[ -z $(key_show) ]] || printf ' -H "Authorization: Bearer $KEY"'
}

auth_choose() { # auth_choose RUNS: a cluster that runs keeps to what it has; else --open has to be said each time
  local wanted=required
  [[ $OPEN != true ]] || wanted=open
  if [[ $1 == true && -n $AUTH ]]; then
    [[ $OPEN != true || $AUTH == open ]] ||
      die "$EXIT_PRECONDITION" "the cluster in $STATE runs and asks for API keys; './dev down' first, then './dev up --open'"
    return
  fi
  AUTH=$wanted
}
