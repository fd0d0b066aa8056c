#!/bin/bash
# Runs Patroni in the environment of a plain Postgres image: POSTGRES_USER and POSTGRES_PASSWORD, and PATRONI_SCOPE and
# PATRONI_NAME, by which other containers reach this one. SYNCHRONOUS_MODE=false makes new shards asynchronous. Arguments for
# the plain server are not needed: its settings are in patroni.yml.
set -euo pipefail

readonly HOME_FOLDER=/var/lib/postgresql/data/patroni
mkdir -p "$HOME_FOLDER"
chown postgres: "$HOME_FOLDER"
sed -E "s/(synchronous_mode:) .*/\1 ${SYNCHRONOUS_MODE:-true}/" /etc/patroni.yml >/tmp/patroni.yml

export PATRONI_ETCD_HOST=${PATRONI_ETCD_HOST:-etcd:2379}
export PATRONI_RESTAPI_LISTEN=*:8008 PATRONI_RESTAPI_CONNECT_ADDRESS=$PATRONI_NAME:8008
export PATRONI_POSTGRESQL_LISTEN=*:5432 PATRONI_POSTGRESQL_CONNECT_ADDRESS=$PATRONI_NAME:5432
export PATRONI_POSTGRESQL_DATA_DIR=$HOME_FOLDER/data PATRONI_POSTGRESQL_PGPASS=$HOME_FOLDER/pgpass
PATRONI_POSTGRESQL_BIN_DIR=$(dirname "$(command -v postgres)")
export PATRONI_POSTGRESQL_BIN_DIR
export PATRONI_SUPERUSER_USERNAME=$POSTGRES_USER PATRONI_SUPERUSER_PASSWORD=$POSTGRES_PASSWORD
export PATRONI_REPLICATION_USERNAME=$POSTGRES_USER PATRONI_REPLICATION_PASSWORD=$POSTGRES_PASSWORD
exec setpriv --reuid=postgres --regid=postgres --init-groups patroni /tmp/patroni.yml
