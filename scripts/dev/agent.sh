# shellcheck shell=bash
# The agent of shardadmin: carries on moves that were interrupted or detached. Only with --agent, and then kept.

agent_known() { [[ -f $RUN/agent.pid ]]; }

agent_up() {
  is_running agent && return
  start_process agent env SHARDING_CLUSTER="$CLUSTER" SHARDING_REDIS="127.0.0.1:$REDIS_PORT" PGUSER=sharding \
    dotnet "$(staged ShardAdmin)" agent --metrics "$AGENT_METRICS_PORT"
  require_alive_until 30 agent grep -q ' agent: started' "$LOGS/agent.log"
}

agent_down() {
  # A batch that is past its release is completed first.
  ! agent_known || stop_process agent TERM 60
}
