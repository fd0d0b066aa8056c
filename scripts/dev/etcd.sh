# shellcheck shell=bash
# The etcd in which the Patronis of all shards agree who is primary. One server: with --ha shards fail over, etcd does not.

etcd_up() {
  is_running etcd && return
  local clients=http://127.0.0.1:$ETCD_PORT peers=http://127.0.0.1:$((ETCD_PORT + 1))
  # Version 2 of its API, which etcd 3.4 has to be told: Patroni 3.0.2 loses confirmed commits by way of version 3.
  start_process etcd etcd --enable-v2 --name e0 --data-dir "$STATE/etcd" --initial-cluster "e0=$peers" \
    --listen-client-urls "$clients" --advertise-client-urls "$clients" --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers"
  require_alive_until 30 etcd http_ok "$ETCD_PORT" /health
}

etcd_down() { stop_process etcd TERM 15; }

etcd_value() { # etcd_value KEY: what Patroni keeps under that key, such as s1/leader; fails if there is nothing
  local form='"value":"(([^"\]|\\.)*)"'
  [[ $(http_get "$ETCD_ADDRESS" "/v2/keys/sharding/$1") =~ $form ]] && echo "${BASH_REMATCH[1]//\\/}"
}
