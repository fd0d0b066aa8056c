-- What routers need more if a standby may take a shard over. `shardadmin grants --standbys` prints this file behind make_roles.sql. Both
-- rights reach beyond the tables of the service, so leave them away where no shard has a standby:
--   replication         reads the history of timelines, to tell which commits a takeover lost. Without it every takeover looks like a loss.
--                       Its holder can copy the whole server (pg_hba.conf says from where).
--   pg_read_all_stats   asks a standby which timeline it receives. Without it a takeover is noticed later, and standbys serve no reads.
--                       Its holder sees the queries of others; those of this service have no values in them.

do $$
begin
    if exists (select from pg_roles where rolname = 'rds_replication') then
        grant rds_replication to sharding_router;
    elsif not (select rolreplication from pg_roles where rolname = 'sharding_router') then
        alter role sharding_router replication;
    end if;
    if not pg_has_role('sharding_router', 'pg_read_all_stats', 'member') then
        grant pg_read_all_stats to sharding_router;
    end if;
end
$$;
