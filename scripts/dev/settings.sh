# shellcheck shell=bash
# SHARDING_… variables, which the programs read. `up` keeps those that it was started with, and every later command on this cluster has them
# too, whatever shell it comes from. As with ports only `up` changes one; one that is set but empty is forgotten.

# Those that ./dev sets itself, and those that are not of a cluster's programs.
readonly SETTINGS_OF_DEV='^SHARDING_(CLUSTER|REDIS|SEEDS|ROUTER_ID|BIND|DATA_PORT|OPS_PORT|STATE_DIR|ADVERTISE|AUTH|TLS_CERT|TLS_KEY|API_KEY|OWNER_.*|FAILPOINT|TEST_.*)$'

settings_given() { compgen -e SHARDING_ | grep -Ev "$SETTINGS_OF_DEV" || true; }

settings_load() { # settings_load [for-up]: the environment has what is kept
  local name
  local -A given=()
  for name in $(settings_given); do
    given[$name]=${!name}
  done
  if [[ -f $STATE/settings ]]; then
    # shellcheck source=/dev/null
    source "$STATE/settings"
  fi
  [[ ${1:-} == for-up ]] || return 0
  for name in "${!given[@]}"; do
    if [[ -n ${given[$name]} ]]; then export "$name=${given[$name]}"; else unset "$name"; fi
  done
}

settings_save() {
  local name
  for name in $(settings_given); do
    printf 'export %s=%q\n' "$name" "${!name}"
  done >"$STATE/settings"
}

settings_lines() { # settings_lines NAME=VALUE...: as a shell takes them
  local each
  for each in "$@"; do
    printf 'export %s=%q\n' "${each%%=*}" "${each#*=}"
  done
}

env_command() {
  local name
  (($# == 0)) || usage_error "env takes no arguments, not '$*'"
  config_require
  echo "# The cluster in $STATE"
  for name in "${PORT_VARIABLES[@]}"; do
    settings_lines "$name=${!name}"
  done
  if [[ $MODE == processes ]]; then
    echo "# What ./dev sets for shardadmin; routers have ports, an id and a folder of their own besides"
    [[ -z $TLS ]] || settings_lines "PGSSLMODE=$PGSSLMODE" "PGSSLROOTCERT=$PGSSLROOTCERT"
    settings_lines "SHARDING_CLUSTER=$CLUSTER" "SHARDING_REDIS=$(tls_redis)" "SHARDING_SEEDS=$(shard_seeds)" PGUSER=sharding_mover \
      SHARDING_OWNER_USER=sharding
  fi
  [[ ! -s $STATE/settings ]] || { echo "# What ./dev up was started with"; cat "$STATE/settings"; }
}
