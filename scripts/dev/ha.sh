# shellcheck shell=bash
# Shows the hosts of shards that fail over, to people and tests, and switches primaries. patronictl does the work.

ha_command() { # ha_command ARGUMENTS...: runs patronictl on this cluster
  local -a environment arguments=("$@")
  config_require
  [[ $MODE == processes && -n $HA ]] || die "$EXIT_PRECONDITION" "the shards of this cluster do not run under Patroni here" \
    "start another one: DEV_HOME=… DEV_PORT_OFFSET=1000 ./dev up --ha"
  case ${1:-} in
    '') usage_error "ha needs a command of patronictl, such as: ./dev ha list" ;;
    list) (($# > 1)) || mapfile -t -O 1 arguments < <(shard_ids) ;;
    switchover)
      [[ -n ${2:-} && " $(shard_ids | tr '\n' ' ')" == *" $2 "* ]] ||
        usage_error "ha switchover needs a shard: $(shard_ids | paste -sd' ')"
      arguments+=(--force) # without it patronictl asks
      ;;
  esac
  patroni_environment "$(shard_processes | head -n 1)"
  env "${environment[@]}" patronictl -c "$(patroni_folder patroni.yml)" "${arguments[@]}"
}

patroni_status_json() { # patroni_status_json SHARD: prints the same fields as for any shard, here those of its primary, and its hosts
  local host primary postmaster separator=
  primary=$(patroni_primary "$1") || primary=$1-a # nobody knows the primary: the first host stands for it
  printf '{"id":"%s","host":"127.0.0.1","port":%d,"database":"sharding","pid":%s,"hosts":[' "$1" \
    "$(patroni_host_port "$primary")" "$(patroni_postmaster "$primary" || echo null)"
  for host in $(patroni_hosts "$1"); do
    printf '%s{"name":"%s","host":"127.0.0.1","port":%d,"pid":%s,"patroniPid":%s,"role":%s}' "$separator" "$host" \
      "$(patroni_host_port "$host")" "$(patroni_postmaster "$host" || echo null)" "$(pid_of "$host" || echo null)" "$(patroni_role "$host")"
    separator=,
  done
  printf ']}'
}

patroni_role() { # patroni_role HOST: prints the role as JSON; null if Postgres does not run there or the primary is unknown
  local primary role=standby
  patroni_postmaster "$1" >/dev/null && primary=$(patroni_primary "${1%-?}") || { echo null; return; }
  [[ $primary != "$1" ]] || role=primary
  echo "\"$role\""
}

patroni_status_rows() { # patroni_status_rows SHARD
  local host postmaster patroni role
  for host in $(patroni_hosts "$1"); do
    postmaster=$(patroni_postmaster "$host") && postmaster="running  pid $postmaster" || postmaster=stopped
    patroni=$(pid_of "$host") || patroni=stopped
    role=$(patroni_role "$host")
    printf '%-8s %-34s %s  patroni %s  %s\n' "$host" "127.0.0.1:$(patroni_host_port "$host")/sharding" "$postmaster" "$patroni" "${role//\"/}"
  done
}
