# shellcheck shell=bash

redis_answers() {
  [[ $( (
    exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT" || exit 1
    printf 'PING\r\n' >&3
    timeout 2 head -c 5 <&3
  ) 2>/dev/null) == +PONG ]]
}

redis_up() {
  is_running redis && return
  mkdir -p "$STATE/redis"
  start_process redis redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$STATE/redis" --appendonly yes --daemonize no
  require_alive_until 30 redis redis_answers
}

redis_down() { stop_process redis TERM 30; }
