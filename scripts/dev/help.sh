# shellcheck shell=bash

help_show() {
  cat <<'TEXT'
./dev — the sharded data service on this machine: Postgres shards, Redis, routers, HAProxy

  ./dev up                      start everything, load 171,075 cities, print what to try (Ctrl-C stops it)
  ./dev up --detach             the same, and return when it is ready
  ./dev up --shards 5 --routers 3
  ./dev up --routers 4          on a running cluster: now 4 routers; no request fails meanwhile
  ./dev up --ha                 each shard is two Postgres under Patroni, and fails over by itself; one etcd for all
  ./dev up --agent              with an agent, which carries on moves that were interrupted or detached; kept from then on
  ./dev up --compose            the same in containers, from compose.yaml
  ./dev status [--json]         what runs where
  ./dev down                    stop everything, keep the data
  ./dev down --wipe             stop everything, delete the data

  ./dev admin status            shardadmin on this cluster; so are: ./dev admin ring show, ./dev admin verify …
  ./dev shard s4                one more empty Postgres, and the command that adds it to the cluster
  ./dev ha list                 with --ha: who is primary; ./dev ha ARGUMENTS is patronictl on this cluster
  ./dev ha switchover s1        the standby of s1 becomes its primary

  ./dev build                   everything: programs, tests, load tests
  ./dev test                    every test; the last line is the verdict
  ./dev test Planner            only those whose name contains Planner (test --no-build Planner: as last built)
  ./dev test --postgres 18      on Postgres 18, in containers
  ./dev bench get               one measurement, see docs/performance.md
  ./dev bench load mixed        a load with a report of every second, as HTML; bench load --help lists them
  ./dev bench micro Planner     pieces on their own (BenchmarkDotNet); without a word: all of them
  ./dev bench --quick           short ones of most, in 2 minutes; fails if a ratio is less than half of the recorded one
  ./dev chaos --minutes 5       faults, longer than the tests have time for
  ./dev chaos --ha --minutes 5  the same with shards that fail over: their primaries are killed, hung and cut off (docs/chaos.md)
  ./dev mutants                 puts each known bug in, and shows the test that catches it (docs/mutants.md)

Options of up: --shards N (3)  --routers N (2)  --agent  --no-data  --detach  --compose  --no-build
  N shards are chosen by the first up; add more with ./dev shard. --no-build takes the programs as last built.
  --ha, and --ha-mode sync|async, are chosen by the first up too. sync (the default): a commit is confirmed when the standby has it, so a
  failover loses nothing; a commit waits while the standby is slow, and without a standby nobody takes over. async: a commit
  does not wait; a failover loses what the standby did not have yet, up to 1 MiB of the log.

Ports, all on 127.0.0.1. The first up remembers these variables, later commands need none:
  DEV_PROXY_PORT=8080  DEV_STATS_PORT=8079  DEV_REDIS_PORT=6390
  DEV_SHARD_PORT=5440 (shard N on 5440+N)  DEV_ROUTER_PORT=8100 and DEV_OPS_PORT=8200 (router N on +N)
  DEV_AGENT_METRICS_PORT=8300 (metrics of moves, with --agent)
  With --ha: DEV_HA_PORT=5540 (hosts of shard N on 5540+2N-1 and 5540+2N)  DEV_PATRONI_PORT=8400 (their Patronis, likewise)
  DEV_ETCD_PORT=8380 (and 8381)
  DEV_PORT_OFFSET=1000 ./dev up   moves all of them: a second copy beside the first
  DEV_HOME=/some/folder           the state somewhere else than in ./.dev

Exit codes: 0 done · 1 failed · 2 not understood · 3 nothing there · 4 something is missing or in the way
TEXT
}
