#!/usr/bin/env bash
# Runs compose.yaml: starts it, writes and reads through the proxy, starts a third router, kills one, reads again, and stops it.
# With --ha each shard has two hosts, and the primary of s1 is killed too. It needs a Docker engine and the images, and uses its own
# containers, volumes, port and folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

DEV_HOME=$(mktemp -d)
export DEV_HOME DEV_PORT_OFFSET=${DEV_PORT_OFFSET:-9000}
mode=()
[[ ${1:-} != --ha ]] || mode=(--ha)
readonly URL=http://127.0.0.1:$((8080 + DEV_PORT_OFFSET)) ITEMS=40

finish() {
  local code=$?
  ((code == 0)) || docker ps -a --format '{{.Names}}  {{.Status}}' || true
  ./dev down --wipe || true
  rm -rf "$DEV_HOME"
  exit "$code"
}
trap finish EXIT

fail() {
  echo "compose-check: $*" >&2
  exit 1
}

request() { # request EXPECTED_STATUS CURL_ARGUMENTS...
  local expected=$1 status
  shift
  status=$(curl -sS -H "Authorization: Bearer $key" -o "$DEV_HOME/answer" -w '%{http_code}' --max-time 10 "$@") || fail "no answer: $*"
  [[ $status == "$expected" ]] || fail "$status instead of $expected for $*: $(<"$DEV_HOME/answer")"
}

write_items() { # write_items VALUE
  local n
  for ((n = 1; n <= ITEMS; n++)); do
    request "$2" -X PUT "$URL/v1/collections/check/items/partition-$n/item%2Fwith%20slash" \
      -H 'Content-Type: application/json' -d "{\"value\":\"$1-$n\"}"
  done
}

read_items() { # read_items VALUE
  local n
  for ((n = 1; n <= ITEMS; n++)); do
    request 200 "$URL/v1/collections/check/items/partition-$n/item%2Fwith%20slash"
    [[ $(<"$DEV_HOME/answer") == *"\"$1-$n\""* ]] || fail "partition-$n has $(<"$DEV_HOME/answer") instead of $1-$n"
  done
}

routers_answering() { # prints how many different routers answer through the proxy
  local n
  for ((n = 0; n < 60; n++)); do
    curl -sS -o /dev/null -D - --max-time 10 -H "Authorization: Bearer $key" -H 'Prefer: shard-route' "$URL/v1/collections/check/items/partition-$n/x" |
      grep -ioE 'router=[^;[:space:]]+'
  done | sort -u | wc -l
}

expect_routers() { # expect_routers N: waits at most 15 s, because the proxy learns of routers by DNS
  local deadline=$((SECONDS + 15))
  until [[ $(routers_answering) == "$1" ]]; do
    ((SECONDS < deadline)) || fail "$(routers_answering) routers answer instead of $1"
  done
}

container_of() { # container_of SERVICE: prints the first running container of this service in this cluster
  local project
  project=$(docker ps --filter "publish=${URL##*:}" --format '{{.Label "com.docker.compose.project"}}')
  docker ps -q --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1" | head -n 1
}

primary_of_s1() { ./dev status --json | grep -oP '"name":"\Kshard1b?(?=","host":"[^"]*","port":5432,"pid":\d+,"role":"primary")'; }

./dev up --compose "${mode[@]}" --detach --no-data
key=
request 401 "$URL/v1/collections"
key=$(./dev status --json | grep -oP '"apiKey":"\K[^"]+')
request 201 -X PUT "$URL/v1/collections/check" -H 'Content-Type: application/json' -d '{}'
write_items first 201
read_items first
echo "compose-check: written and read through the proxy"

./dev up --compose --detach --no-data --no-build --routers 3
expect_routers 3
read_items first
echo "compose-check: three routers answer"

docker kill "$(container_of router)" >/dev/null
read_items first
write_items second 200
read_items second
expect_routers 2
echo "compose-check: one router killed, everything was read and written again"

if ((${#mode[@]} > 0)); then
  victim=$(primary_of_s1)
  docker kill "$(container_of "$victim")" >/dev/null
  killed=$SECONDS
  until (write_items third 200) 2>/dev/null; do
    ((SECONDS < killed + 30)) || fail "s1 takes no writes 30 s after its primary, $victim, was killed"
  done
  echo "compose-check: everything was written again $((SECONDS - killed)) s after $victim was killed"
  read_items third
  ./dev up --compose --detach --no-data --no-build
  [[ $(primary_of_s1) != "$victim" ]] || fail "$victim is the primary of s1 again"
fi

[[ $(./dev admin verify -o json | tr -d ' \n') == *'"ok":true'* ]] || fail "shardadmin verify found differences: $(./dev admin verify)"
echo "compose-check: shardadmin verify found no difference"
