#!/bin/bash
# Makes the roles in every shard of compose.yaml, and gives them their passwords. Safe to repeat. Arguments: host:port[,host:port]/database
# of each shard. PGUSER and PGPASSWORD are those of the administrator.
set -euo pipefail

for shard in "$@"; do
  files=(-f /roles/make_roles.sql)
  [[ $shard != *,* ]] || files+=(-f /roles/make_standby_rights.sql)
  # The passwords come by the environment of psql, because arguments can be seen in the list of processes.
  psql -X -q -v ON_ERROR_STOP=1 "${files[@]}" -f - "postgresql://$shard?target_session_attrs=read-write" <<'SQL'
\getenv router ROUTER_PASSWORD
\getenv mover MOVER_PASSWORD
\getenv reader READER_PASSWORD
alter role sharding_router password :'router';
alter role sharding_mover password :'mover';
alter role sharding_reader password :'reader';
SQL
done
