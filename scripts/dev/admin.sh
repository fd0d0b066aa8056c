# shellcheck shell=bash

admin_run() { # shardadmin on this cluster; ADMIN_USER is who logs in at the shards
  local -a program=("$(staged ShardAdmin)")
  [[ -f ${program[0]} ]] || program=("$(program_of ShardAdmin)")
  SHARDING_REDIS=$(tls_redis) SHARDING_CLUSTER=$CLUSTER SHARDING_SEEDS=$(shard_seeds) SHARDADMIN_NAME='./dev admin' \
    PGUSER=${ADMIN_USER:-sharding_mover} SHARDING_OWNER_USER=${SHARDING_OWNER_USER:-sharding} \
    dotnet "${program[@]}" "$@" 9>&-
}

admin_command() {
  (($# > 0)) || set -- --help
  config_require
  if [[ $MODE == compose ]]; then
    compose_admin "$@"
  else
    programs_exist || die "$EXIT_PRECONDITION" "shardadmin is not built; ./dev up builds it"
    admin_run "$@"
  fi
}
