# shellcheck shell=bash

redis_answers() {
  if [[ -n $TLS ]]; then
    [[ $(redis_cli PING 2>/dev/null) == PONG ]]
    return
  fi
  [[ $( (
    exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT" || exit 1
    printf 'PING\r\n' >&3
    timeout 2 head -c 5 <&3
  ) 2>/dev/null) == +PONG ]]
}

redis_cli() { # redis_cli COMMAND...: with TLS
  timeout 5 redis-cli --tls --cacert "$(tls_folder)/ca.pem" -h 127.0.0.1 -p "$REDIS_PORT" "$@"
}

redis_up() {
  local -a listen=(--port "$REDIS_PORT")
  is_running redis && return
  mkdir -p "$STATE/redis"
  [[ -z $TLS ]] || listen=(--port 0 --tls-port "$REDIS_PORT" --tls-auth-clients no
    --tls-cert-file "$(tls_folder)/redis.crt" --tls-key-file "$(tls_folder)/redis.key")
  start_process redis redis-server --bind 127.0.0.1 "${listen[@]}" --dir "$STATE/redis" --appendonly yes --daemonize no
  require_alive_until 30 redis redis_answers
}

redis_renew() { # it reads its files when it is told where they are
  ! is_running redis || redis_cli CONFIG SET tls-cert-file "$(tls_folder)/redis.crt" tls-key-file "$(tls_folder)/redis.key" >/dev/null ||
    die "$EXIT_FAILED" "Redis does not take its new certificate"
}

redis_down() { stop_process redis TERM 30; }
