-- Who may do what in this schema: docs/adr/0026-rights-in-postgres.md has the reasons. There are four roles, and none of them has to exist:
-- sharding_owner, who owns everything here and cannot log in; sharding_router; sharding_mover, for shardadmin and the agent; and
-- sharding_reader, for monitoring. migrations/make_roles.sql makes them.

-- Each right as it stands in GRANT, for the roles that exist. What is not named here is nobody's but the owner's. What belongs to one
-- collection is in the schema sharding_items: a partition has the rights of sharding.item, and a function those of sharding.write_items.
create function sharding.rights_wanted() returns table (grantee text, privilege text, object text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with relation as (
        select case when n.nspname = 'sharding' then c.relname::text else 'item' end as name,
               format('table %I.%I', n.nspname, c.relname) as object
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('sharding', 'sharding_items') and c.relkind in ('r', 'p')
    ),
    routine as (
        select case when n.nspname = 'sharding' then p.proname::text else 'write_items' end as name, 'function ' || p.oid::regprocedure as object
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('sharding', 'sharding_items')
    ),
    wanted as (
        select role_ as grantee, 'usage' as privilege, 'schema ' || nspname as object
        from pg_namespace, unnest('{sharding_router,sharding_mover,sharding_reader}'::text[]) role_
        where nspname in ('sharding', 'sharding_items')
        -- The router reads these tables. It writes by functions alone, which belong to the owner: nobody with its password gets past the fence.
        union all select 'sharding_router', 'select', object from relation
        where name in ('item', 'slot_ownership', 'collection', 'item_index', 'cluster', 'api_key')
        union all select 'sharding_router', 'execute', object from routine
        where name in ('read_items', 'write_items', 'delete_expired', 'collection_create', 'api_key_digest', 'api_keys_used',
                       'value_rank', 'value_number', 'value_text', 'indexes', 'index_create', 'index_ready', 'index_unwant', 'index_drop')
        -- The mover copies and deletes rows, and mends what an operator tells it to. It can change no definition.
        union all select 'sharding_mover', each.privilege, object from relation, unnest('{select,insert,update,delete}'::text[]) each (privilege)
        where each.privilege = 'select' or name not in ('schema_migration', 'audit')
        union all select 'sharding_mover', 'execute', object from routine where name <> 'set_rights'
        -- The reader sees where slots are and how moves go on: no key, no document, no secret.
        union all select 'sharding_reader', 'select', object from relation
        where name in ('slot_ownership', 'collection', 'item_index', 'move', 'move_history', 'move_import', 'move_import_over', 'backup_point',
                       'schema_migration')
        union all select 'sharding_reader', format('select (%s)', name), 'table sharding.cluster'
        from unnest('{cluster_name,cluster_id,shard_id,ring_epoch,shards,leaving}'::text[]) name
        union all select 'sharding_reader', 'select (slot)', object from relation where name = 'item'
        union all select 'sharding_reader', 'execute', object from routine where name in ('history', 'standbys_behind', 'count_items', 'partitions', 'indexes',
            'rights_wanted', 'rights_there', 'rights_to_change')
    )
    select w.* from wanted w join pg_roles r on r.rolname = w.grantee
    -- A role that owns the schema has all rights already.
    where r.oid <> (select nspowner from pg_namespace where nspname = 'sharding')
$$;

-- The rights that these roles and PUBLIC have. Rights of other roles are their operator's.
create function sharding.rights_there() returns table (grantee text, privilege text, object text)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with thing as (
        select 'schema ' || nspname as object, coalesce(nspacl, acldefault('n', nspowner)) as acl, nspowner as owner, '' as part
        from pg_namespace where nspname in ('sharding', 'sharding_items')
        union all
        select format('table %I.%I', n.nspname, c.relname), coalesce(c.relacl, acldefault('r', c.relowner)), c.relowner, ''
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('sharding', 'sharding_items') and c.relkind in ('r', 'p', 'v', 'm', 'f')
        union all
        select format('table %I.%I', n.nspname, c.relname), a.attacl, c.relowner, format(' (%I)', a.attname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
        where n.nspname in ('sharding', 'sharding_items') and a.attnum > 0 and not a.attisdropped and a.attacl is not null
        union all
        select 'function ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner, ''
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('sharding', 'sharding_items')
    )
    select coalesce(r.rolname::text, 'public'), lower(a.privilege_type) || t.part, t.object
    from thing t cross join lateral aclexplode(t.acl) a left join pg_roles r on r.oid = a.grantee
    where (a.grantee = 0 or r.rolname in ('sharding_router', 'sharding_mover', 'sharding_reader')) and a.grantee <> t.owner
$$;

-- The statements that are missing; none: everything is as it should be.
create function sharding.rights_to_change() returns setof text
language sql stable set search_path = pg_catalog, pg_temp as $$
    (select format('revoke %s on %s from %I', privilege, object, grantee)
     from (select * from sharding.rights_there() except select * from sharding.rights_wanted()) too_much order by 1)
    union all
    (select format('grant %s on %s to %I', privilege, object, grantee)
     from (select * from sharding.rights_wanted() except select * from sharding.rights_there()) missing order by 1)
$$;

-- Makes it so; only the owner can. `shardadmin migrate` calls this after the last migration.
create function sharding.set_rights() returns integer
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    statement text;
    changed   integer := 0;
begin
    for statement in select * from sharding.rights_to_change() loop
        execute statement;
        changed := changed + 1;
    end loop;
    return changed;
end
$$;
