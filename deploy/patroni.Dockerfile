# One host of a shard under Patroni, and etcd. Built from the repository's root:
# docker build -f deploy/patroni.Dockerfile -t sharding-patroni:local .
# Not 18 yet: nobody has run that under Patroni here.
FROM postgres:17
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends patroni python3-etcd etcd-server \
 && rm -rf /var/lib/apt/lists/*
COPY deploy/patroni.yml /etc/patroni.yml
COPY deploy/patroni-entrypoint.sh /usr/local/bin/
# Patroni stops Postgres, and hands over before it does if it can.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/patroni-entrypoint.sh"]
