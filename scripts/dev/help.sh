# shellcheck shell=bash

help_show() {
  cat <<'TEXT'
./dev — the sharded data service on this machine: Postgres shards, Redis, routers, HAProxy

  ./dev up                      start everything, load 171,075 cities, print what to try (Ctrl-C stops it)
  ./dev up --detach             the same, but the command ends when everything is ready
  ./dev up --shards 5 --routers 3
  ./dev up --routers 4          on a running cluster: now 4 routers; no request fails meanwhile
  ./dev up --ha                 each shard has two Postgres servers under Patroni and fails over by itself; one etcd for all
  ./dev up --agent              also an agent, which continues moves that were interrupted or detached; later ups start it too.
                                Without it, one runs that builds indexes only
  ./dev up --open               without API keys: everybody who reaches a port may read and write everything; needed after each down
  ./dev up --tls                TLS everywhere, by an authority of its own; chosen at the first start. ./dev tls renew: new certificates
  ./dev up --compose            the same in containers, from compose.yaml
  ./dev status [--json]         what runs where, and the API key that the first up made
  ./dev env                     every setting in use, as lines for a shell: eval "$(./dev env)"
  ./dev down                    stop everything, keep the data
  ./dev down --wipe             stop everything, delete the data

  ./dev admin status            run shardadmin on this cluster; likewise ./dev admin ring show, ./dev admin verify, …
  ./dev admin --help            all commands of shardadmin
  ./dev shard s4                start one more empty Postgres, and print the command that adds it to the cluster
  ./dev ha list                 with --ha: show the primaries; ./dev ha ARGUMENTS runs patronictl on this cluster
  ./dev ha switchover s1        the standby of s1 becomes its primary

  ./dev build                   build everything: programs, tests, load tests; ./dev admin runs the new build from then on
  ./dev test                    run the tests, in half an hour; the last line is the verdict. Long ones are left out
  ./dev test --all              run the long tests too: whole matrices, where the others check a sample; an hour
  ./dev test Planner            run only the tests whose name contains Planner (test --no-build Planner: without a new build)
  ./dev test --again            run a test that failed a second time, alone; name it as unstable if it passes then
  ./dev test --postgres 18      run the tests on Postgres 18, in containers
  ./dev bench get               run one measurement, see docs/performance.md
  ./dev bench load mixed        run a load, and report every second of it as HTML; bench load --help lists the loads
  ./dev bench micro Planner     measure single functions (BenchmarkDotNet); without a word: all of them
  ./dev bench --quick           run short forms of most measurements, in 3 minutes; fails if a ratio is less than half of the recorded one
  ./dev chaos --minutes 5       cause faults for longer than the tests do
  ./dev chaos --ha --minutes 5  the same with shards that fail over: primaries are killed, hung and cut off (docs/internals/chaos.md)
  ./dev fuzz --minutes 5        send bad input to a cluster of its own; --seed S repeats it, --router-only leaves HAProxy out
  ./dev mutants                 put each known bug into a copy, and show the test that catches it (docs/internals/mutants.md)

Options of up (and their defaults): --shards N (3)  --routers N (2)  --agent  --open  --tls  --no-data  --detach  --compose  --no-build
  --shards: only the first up chooses the number; add more with ./dev shard. --no-build: start the programs of the last build.
  --ha, and --ha-mode sync|async: only the first up chooses them.
    sync (the default): a commit is confirmed when the standby has it, so a failover loses nothing. A commit waits while the
      standby is slow, and without a standby there is no failover.
    async: a commit does not wait. A failover loses the commits that the standby did not have yet, up to 1 MiB of WAL.

Ports, all on 127.0.0.1. The first up remembers these variables; later commands do not need them:
  DEV_PROXY_PORT=8080  DEV_STATS_PORT=8079  DEV_REDIS_PORT=6390
  DEV_SHARD_PORT=5440 (shard N on 5440+N)  DEV_ROUTER_PORT=8100 and DEV_OPS_PORT=8200 (router N on +N)
  DEV_AGENT_METRICS_PORT=8300 (metrics of moves, with --agent)
  With --ha: DEV_HA_PORT=5540 (hosts of shard N on 5540+2N-1 and 5540+2N)  DEV_PATRONI_PORT=8400 (their Patronis on +2N-1 and +2N)
  DEV_ETCD_PORT=8380 (and 8381)
  DEV_PORT_OFFSET=1000 ./dev up   adds 1000 to all ports: for a second cluster beside the first
  DEV_HOME=/some/folder           keeps the state in this folder instead of ./.dev
The first up also remembers SHARDING_… variables, which are settings of the routers (docs/operations/configuration.md). An empty one is
forgotten:
  SHARDING_POOL_SIZE=8 ./dev up   processes that already run keep the settings that they were started with

Exit codes: 0 done · 1 failed · 2 wrong arguments · 3 there is no cluster · 4 something is missing or in the way
TEXT
}
