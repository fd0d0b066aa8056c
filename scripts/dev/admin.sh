# shellcheck shell=bash

admin_run() { # shardadmin on this cluster
  local id seeds=
  for id in $(shard_ids); do
    seeds+=${seeds:+,}$(shard_hosts "$id")/sharding
  done
  local -a program=("$(staged ShardAdmin)")
  [[ -f ${program[0]} ]] || program=("$(program_of ShardAdmin)")
  SHARDING_REDIS=127.0.0.1:$REDIS_PORT SHARDING_CLUSTER=$CLUSTER SHARDING_SEEDS=$seeds PGUSER=sharding \
    dotnet "${program[@]}" "$@" 9>&-
}

admin_command() {
  config_require
  if [[ $MODE == compose ]]; then
    compose_admin "$@"
  else
    programs_exist || die "$EXIT_PRECONDITION" "shardadmin is not built; ./dev up builds it"
    admin_run "$@"
  fi
}
