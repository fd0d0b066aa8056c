# shellcheck shell=bash
# etcd, in which the Patronis of all shards agree on the primaries. It is one server: with --ha shards fail over, but etcd does not.

etcd_up() {
  is_running etcd && return
  local clients=http://127.0.0.1:$ETCD_PORT peers=http://127.0.0.1:$((ETCD_PORT + 1))
  # Patroni uses version 2 of etcd's API, because with version 3 Patroni 3.0.2 loses confirmed commits. etcd 3.4 needs --enable-v2.
  start_process etcd etcd --enable-v2 --name e0 --data-dir "$STATE/etcd" --initial-cluster "e0=$peers" \
    --listen-client-urls "$clients" --advertise-client-urls "$clients" --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers"
  require_alive_until 30 etcd http_ok "$ETCD_PORT" /health
}

etcd_down() { stop_process etcd TERM 15; }

etcd_value() { # etcd_value KEY: prints Patroni's value of a key such as s1/leader; fails if there is none
  local form='"value":"(([^"\]|\\.)*)"'
  [[ $(http_get "$ETCD_ADDRESS" "/v2/keys/sharding/$1") =~ $form ]] && echo "${BASH_REMATCH[1]//\\/}"
}
