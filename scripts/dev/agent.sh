# shellcheck shell=bash
# The agent of shardadmin: it continues moves that were interrupted or detached, and builds indexes. Only with --agent; later `up` commands
# keep it. Without it the indexer runs: an agent that leaves moves alone, so that people see what an interrupted move is like.

agent_known() { [[ -f $RUN/agent.pid ]]; }

agent_up() {
  indexer_down
  is_running agent || agent_start agent --metrics "$AGENT_METRICS_PORT"
}

indexer_up() {
  is_running indexer || agent_start indexer --only-indexes
}

indexer_down() {
  [[ ! -f $RUN/indexer.pid ]] || stop_process indexer TERM 15
}

agent_start() { # agent_start NAME OPTION...
  start_process "$1" env SHARDING_CLUSTER="$CLUSTER" SHARDING_REDIS="$(tls_redis)" PGUSER=sharding_mover \
    SHARDING_OWNER_USER=sharding dotnet "$(staged ShardAdmin)" agent "${@:2}"
  require_alive_until 30 "$1" grep -q ' agent: started' "$LOGS/$1.log"
}

agent_down() {
  # The agent first completes batches that were released, so it may need some time.
  ! agent_known || stop_process agent TERM 60
}
