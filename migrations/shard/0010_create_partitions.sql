-- The partition of a collection. It comes and goes with the collection's row in sharding.collection, in the same transaction, whoever
-- writes that row: there is never one without the other, also after a crash, or after a standby without the last commits took over.
-- docs/adr/0028-a-partition-a-collection.md has the reasons, and what each lock is for.
--
-- In the schema sharding_items, the partition and the two functions that write into it have the name of the collection. The functions
-- differ in their parameters. The partition's indexes have a dot in their names, which no collection can have: tables and indexes share
-- their names.

-- Makes what belongs to a collection, as far as it is missing. A partition is made as a table of its own, and then attached: that locks
-- sharding.item only against other DDL, so nobody who reads or writes waits for it. CREATE TABLE … PARTITION OF would wait for all of them.
-- The table takes the privileges that others have on sharding.item, and its functions those on sharding.write_items.
create function sharding.create_partition(p_collection text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    -- Of the names of the indexes. A name has at most 63 characters.
    stem    constant text := case when length(p_collection) <= 48 then p_collection
                                  else left(p_collection, 15) || '.' || left(encode(sha256(p_collection::bytea), 'hex'), 32) end;
    granted record;
begin
    if to_regclass(format('sharding_items.%I', p_collection)) is not null then
        return;
    end if;
    execute format($sql$
        create table sharding_items.%1$I (like sharding.item including all excluding indexes) with (fillfactor = 90);
        alter table sharding_items.%1$I add constraint %2$I primary key (slot, collection, pk, id);
        create index %3$I on sharding_items.%1$I (slot, expires_at) where expires_at is not null;
        alter table sharding.item attach partition sharding_items.%1$I for values in (%1$L)
        $sql$, p_collection, stem || '.pkey', stem || '.expires_at');
    perform sharding.create_write_functions(p_collection);
    for granted in
        select format('%s on %s', string_agg(a.privilege_type, ', '), t.name) as what,
               case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee
        from (select c.relacl as acl, c.relowner as owner, format('sharding_items.%I', p_collection) as name
              from pg_class c where c.oid = 'sharding.item'::regclass
              union all
              select w.proacl, w.proowner, format('function %s', f.oid::regprocedure)
              from pg_proc w, pg_proc f
              where w.pronamespace = 'sharding'::regnamespace and w.proname = 'write_items'
                and f.pronamespace = 'sharding_items'::regnamespace and f.proname = p_collection) t
        cross join lateral aclexplode(t.acl) a
        where a.grantee <> t.owner group by t.name, a.grantee
    loop
        execute format('grant %s to %s', granted.what, granted.grantee);
    end loop;
    perform sharding.set_rights(); -- takes from PUBLIC what a new function gives it
end
$$;

-- Drops what belongs to a collection, with all its items. This locks sharding.item exclusively, for the moment of the commit. Nobody waits
-- long: the statements of routers and movers lock only the partitions that they name, but for puts into several collections at once
-- (sharding.write_items); and we wait for the lock at most 50 ms. The caller tries again then (lock_not_available).
create function sharding.drop_partition(p_collection text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
declare
    writes regprocedure;
begin
    execute format('drop table if exists sharding_items.%I', p_collection);
    for writes in select p.oid from pg_proc p where p.pronamespace = 'sharding_items'::regnamespace and p.proname = p_collection loop
        execute format('drop function %s', writes);
    end loop;
end
$$;

create function sharding.keep_partition() returns trigger
language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform sharding.create_partition(new.name);
    else
        perform sharding.drop_partition(old.name);
    end if;
    return null;
end
$$;

create trigger keep_partition after insert or delete on sharding.collection for each row execute function sharding.keep_partition();

-- The partitions of this shard, by name.
create function sharding.partitions() returns setof text
language sql stable rows 20 as $$
    select c.relname::text collate "C" from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'sharding.item'::regclass order by 1
$$;

-- Counts all items, one partition after the other. An empty one costs nothing.
create function sharding.count_items() returns bigint
language plpgsql stable as $$
declare
    name_ text;
    here  bigint;
    total bigint := 0;
begin
    for name_ in select p from sharding.partitions() p loop
        continue when pg_relation_size(format('sharding_items.%I', name_)::regclass) = 0;
        execute format('select count(*) from sharding_items.%I', name_) into here;
        total := total + here;
    end loop;
    return total;
end
$$;

-- Returns how many slots have items that this shard does not serve. In each partition it goes from slot to slot in the index of the key.
create function sharding.residue() returns bigint
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    name_  text;
    here   smallint[];
    found_ smallint[] := '{}';
begin
    for name_ in select p from sharding.partitions() p loop
        continue when pg_relation_size(format('sharding_items.%I', name_)::regclass) = 0;
        execute format($sql$
            with recursive present as (
                (select slot from sharding_items.%1$I order by slot limit 1)
                union all
                select (select i.slot from sharding_items.%1$I i where i.slot > p.slot order by i.slot limit 1) from present p
                where p.slot is not null)
            select array_agg(p.slot) from present p join sharding.slot_ownership o on o.slot = p.slot
            where o.state in ('released', 'importing')
            $sql$, name_) into here;
        found_ := found_ || coalesce(here, '{}');
    end loop;
    return (select count(distinct s) from unnest(found_) s);
end
$$;
