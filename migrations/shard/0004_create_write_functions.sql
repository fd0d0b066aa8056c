-- Fenced writes. Steps 1 to 3 in create_write_functions have the argument.
--
-- Each collection has two functions of its own: one for many writes, and one for a single put. Their statements name the collection's
-- partition, so they are planned once in a session, and lock no other partition. The same statements on sharding.item would lock all
-- partitions, or be planned each time (docs/adr/0028-a-partition-a-collection.md). write_items is for calls with items of several
-- collections, and for transactions. It does plain puts itself, and calls the functions of the collections for everything else.

-- A move compares the target's rows with the source's rows after the target has become the owner and takes writes. The comparison must see
-- the state at the hand-over. So the first write of each row since the hand-over stores here the hash that the row had before it. This
-- lasts until the comparison is done (import_compared), normally for less than a second. A row that somebody changed by hand has no entry
-- here, and so the comparison finds it.
create table sharding.before_image (
    slot       smallint not null,
    collection text collate "C" not null,
    pk         text collate "C" not null,
    id         text collate "C" not null,
    hash       bigint,                          -- as in SlotChecksums.RowHash (C#); NULL: there was no such row
    primary key (slot, collection, pk, id)
);

-- Stores what a row was before a change. It is called in the transaction that changes the row, before the change, and with the row locked
-- if it exists. If the key has an entry already, an earlier writer has stored the older state, and that entry stays. Two writers who both
-- create the row meet at the primary key: the second waits for the first. The first entry of a key always has the state at the hand-over,
-- because every writer makes its entry before it changes the row.
create function sharding.keep_before_image(p_slot smallint, p_collection text, p_pk text, p_id text) returns void
language plpgsql volatile as $$
begin
    execute format($sql$
        insert into sharding.before_image (slot, collection, pk, id, hash)
        values ($1, $2, $3, $4,
                (select hash_record_extended(row(i.version, i.updated_at, i.expires_at, i.slot, i.collection, i.pk, i.id, i.doc), 0)
                 from sharding_items.%1$I i where i.slot = $1 and i.collection = %1$L and i.pk = $3 and i.id = $4))
        on conflict do nothing
        $sql$, p_collection) using p_slot, p_collection, p_pk, p_id;
end
$$;

-- The versions of a key only grow, also when its item is deleted and created again. Nothing is left of a deleted item, so only the clock
-- can ensure this: the version of a new item is the clock's. But the clock is read before the INSERT, and the INSERT waits while another
-- transaction has the key. That transaction may have written a later version and then deleted the item. Two rules together exclude that
-- the new item has a lower version:
-- 1. A row that was inserted more than 2 ms after the clock was read for it gets new times (date_anew). So for every new row the clock was
--    read less than 2 ms before the insert.
-- 2. An item is deleted only when its version is at least 2 ms old (let_age). The insert comes after the deletion. So when the clock was
--    read for the insert, the deleted version was in the past.
-- Only versions_apart has the number. The rules do not help if the deleted version is ahead of the clock, because the clock was set back,
-- or because the slot came from a shard whose clock is ahead; for that case see keep_deleted_version.
create function sharding.versions_apart() returns interval language sql immutable parallel safe as $$ select interval '2 milliseconds' $$;

create function sharding.let_age(p_version bigint) returns void
language plpgsql volatile as $$
declare
    apart constant double precision := extract(epoch from sharding.versions_apart());
    left_ double precision := p_version / 1000000.0 + apart - extract(epoch from clock_timestamp());
begin
    if left_ > 0 and left_ <= apart then
        perform pg_sleep(left_);
    end if;
end
$$;

-- Gives the present time to a row that this transaction has written. A write waits while another transaction has the key, and its times
-- are from before that wait: after a wait of three seconds, a time to live of two seconds would be over. Nobody has seen the row yet, so
-- its version may stay as it is if the clock has not moved.
create function sharding.date_anew(
    p_slot smallint, p_collection text, p_pk text, p_id text, p_ttl integer,
    out version bigint, out updated_at timestamptz, out expires_at timestamptz)
language plpgsql volatile as $$
begin
    execute format($sql$
        update sharding_items.%1$I i
        set version = greatest(i.version, (extract(epoch from read.now_) * 1000000)::bigint),
            updated_at = greatest(i.updated_at, read.now_),
            expires_at = read.now_ + $1 * interval '1 second'
        from (select clock_timestamp() as now_ offset 0) read
        where i.slot = $2 and i.collection = %1$L and i.pk = $3 and i.id = $4
        returning i.version, i.updated_at, i.expires_at
        $sql$, p_collection) into version, updated_at, expires_at using p_ttl, p_slot, p_pk, p_id;
end
$$;

-- Makes the functions of one collection anew. A migration that changes them calls this for each collection. The body of each is a text,
-- in which %1$I and %1$L stand for the collection's name.
--
-- The function for many writes applies operations on items in one transaction.
--
-- p_operations   put · delete · merge_patch · json_patch · increment · check
-- p_docs         the document, the patch, or for increment [{"path":[…],"by":n,"min":n,"max":n}, …], in which min and max may be missing
-- p_conditions   none · absent · present · match · no_match; for match and no_match, p_versions has '{v,…}'
-- p_ttls         seconds; NULL: a put never expires, a patch keeps the expiry
-- p_atomic       true: all or nothing. A failure raises SH003, whose DETAIL is the result row of the first failed operation as JSON
--
-- outcome        created · replaced · deleted · checked | missing · precondition_failed · invalid_patch
--                out_of_range (an increment; detail: which limit) · no_collection
--                not_owned (detail: new owner and epoch) · moving (frozen, or not yet ours)
-- version        after a success the new one (delete: the last one); after a failed condition the current one or NULL
-- expires_at     after a call with several operations that waited for a lock, the item lives longer than this says, by that wait
--
-- A time to live counts from the end of the last wait for a lock, to a tenth of a second. updated_at never goes back.
--
-- The caller may tell a client "done" only after it has read the whole answer up to ReadyForQuery, because rows can arrive before the
-- commit has happened.
--
-- The function for one put puts an item without a condition. It takes two statements for it, where the other function takes five over
-- arrays. The answer is the same, and so is the fence: READ COMMITTED; a statement that only locks; then a later statement, with a fresh
-- snapshot, that checks and writes. The lock is held until the end of the transaction.
create function sharding.create_write_functions(p_collection text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $create$
begin
    execute format($many$
create or replace function sharding_items.%1$I(
    p_atomic boolean, p_operations text[], p_slots smallint[], p_pks text[], p_ids text[],
    p_docs jsonb[], p_conditions text[], p_versions text[], p_ttls integer[], p_return_docs boolean[])
returns table (ord integer, outcome text, version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb, detail text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_hashjoin = on as $$
#variable_conflict use_column
declare
    late         constant interval := '100 milliseconds';
    apart        constant interval := sharding.versions_apart();
    is_late      boolean;
    op           record;
    owner        sharding.slot_ownership;
    first_failed jsonb;
    current      sharding.item;
    changed      sharding.item;
    exists_      boolean;      -- a row has this key
    live         boolean;      -- and it has not expired
    collection_is_live boolean;
    now_         timestamptz;
    dated_at     timestamptz;           -- when the call first read the clock for a row
    expiries     timestamptz[] := '{}'; -- by ord: the expiries that this call has given
    answered     boolean[] := '{}';     -- by ord
begin
    -- 1. The level is READ COMMITTED, so each statement below sees what was committed before that statement began. Under REPEATABLE READ
    --    the snapshot may be older than the wait for the lock, and a write would land in a slot that was frozen meanwhile.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'writing needs READ COMMITTED, this transaction is '
            || current_setting('transaction_isolation');
    end if;

    -- 2. This statement only locks the slots, in ascending order. A freeze takes the same locks exclusively: it waits for writers that
    --    have passed here, and writers wait for it here. The locks are held until the end of the transaction. The check of 3. must not be
    --    in this statement, because it would look with a snapshot from before the wait. Raced against a freeze, that variant let a write
    --    land in a frozen slot.
    perform pg_advisory_xact_lock_shared(1397246027, locks.slot)
    from (select distinct s::integer as slot from unnest(p_slots) s order by slot) locks;

    -- 3. The check and the writes are in later statements, with fresh snapshots. A slot that they see as owned stays owned while we hold
    --    the locks. Every caller visits the collections, and the keys of each, in the same order, so two calls cannot deadlock on rows.
    --    Operations on one key keep their order. Operations on different keys do not depend on each other, so the first failed operation
    --    is the one with the lowest ord, and not the one that was visited first.
    --
    -- 4. Calls with nothing but puts without a condition are the most frequent. One statement does the first put of each key. It comes
    --    later than the locks too, so its check of the ownership is as safe as the check in 5. It writes all of these keys or none of
    --    them. If it wrote some, 5. could find a slot thawed that was not owned here, and would write its keys after higher ones, against
    --    the one order of 3. So either 5. gets only keys whose rows are locked already (expired items, further puts of a key), or it gets
    --    all keys. A put that comes alone is faster in 5. A hash join tells which row came of which put. Routers switch hash joins off for
    --    their look-ups, so this function switches them on: comparing 128 rows with 128 puts in a loop costs more than all the rest.
    if cardinality(p_operations) > 1 and p_operations <@ '{put}' and p_conditions <@ '{none}' then
        answered := array_fill(null::boolean, array[cardinality(p_operations)]);
        now_ := clock_timestamp();
        dated_at := now_;
        for ord, outcome, version, updated_at, expires_at, doc, is_late in
            with put as materialized (
                select distinct on (u.slot, u.pk collate "C", u.id collate "C") u.*
                from unnest(p_slots, p_pks, p_ids, p_docs, p_ttls, p_return_docs)
                     with ordinality as u (slot, pk, id, doc, ttl, return_doc, ord)
                order by u.slot, u.pk collate "C", u.id collate "C", u.ord
            ), checked as materialized (
                -- LIMIT keeps these one look-up for each put, even if the statistics mislead the planner, and so it keeps the order of the
                -- puts.
                select put.*, o.version_floor, o.version_floor is not null and c.live is not null as may
                from put
                left join lateral (select s.version_floor from sharding.slot_ownership s
                                   where s.slot = put.slot and s.state = 'owned' and s.peer is null limit 1) o on true
                left join lateral (select true as live from sharding.collection c
                                   where c.name = %1$L and c.dropped_at is null limit 1) c on true
            ), written as (
                insert into sharding_items.%1$I as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
                select greatest(c.version_floor + 1, (extract(epoch from read.now_) * 1000000)::bigint),
                       read.now_, read.now_ + c.ttl * interval '1 second', c.slot, %1$L, c.pk, c.id, c.doc
                from checked c
                cross join lateral (select clock_timestamp() as now_ where c.ord is not null offset 0) read -- once for each row
                where (select bool_and(may) from checked)
                on conflict (slot, collection, pk, id) do update
                    set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
                        updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
                    where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired item is not "replaced"
                returning i.xmax = 0 as is_new, clock_timestamp() > i.updated_at + apart as is_late,
                          i.version, i.updated_at, i.expires_at, i.doc, i.slot, i.pk, i.id
            )
            select put.ord, case when w.is_new then 'created' else 'replaced' end, w.version, w.updated_at, w.expires_at,
                   case when put.return_doc then w.doc end, w.is_new and w.is_late
            from written w join put using (slot, pk, id)
        loop
            answered[ord] := true;
            if is_late then
                select d.* into version, updated_at, expires_at
                from sharding.date_anew(p_slots[ord], %1$L, p_pks[ord], p_ids[ord], p_ttls[ord]) d;
            end if;
            if expires_at is not null then
                expiries[ord] := expires_at;
            end if;
            return next;
        end loop;
        if cardinality(array_remove(answered, null)) = cardinality(p_operations)
           and (cardinality(expiries) = 0 or clock_timestamp() <= dated_at + late) then
            return;
        end if;
    end if;

    -- 5. Everything else is done here, one operation after the other. So are all writes of slots that a move brought here and has not
    --    compared yet, because the first change of each row must store what the row was before (sharding.before_image).
    for op in
        select u.* from unnest(p_operations, p_slots, p_pks, p_ids, p_docs, p_conditions, p_versions, p_ttls, p_return_docs)
            with ordinality as u (operation, slot, pk, id, doc, condition, versions, ttl, return_doc, ord)
        where answered[u.ord] is null
        order by u.slot, u.pk collate "C", u.id collate "C", u.ord
    loop
        ord := op.ord;
        outcome := null; version := null; updated_at := null; expires_at := null; doc := null; detail := null;
        if owner.slot is distinct from op.slot then
            select o.* into owner from sharding.slot_ownership o where o.slot = op.slot;
            if owner.state = 'frozen' and owner.frozen_until < clock_timestamp() and sharding.thaw_if_expired(op.slot) then
                select o.* into owner from sharding.slot_ownership o where o.slot = op.slot;
            end if;
        end if;
        if collection_is_live is null then
            collection_is_live := exists (select from sharding.collection c where c.name = %1$L and c.dropped_at is null);
        end if;

        if owner.state is distinct from 'owned' then
            outcome := case when owner.state in ('frozen', 'importing') then 'moving' else 'not_owned' end;
            detail := jsonb_build_object('state', owner.state, 'peer', owner.peer, 'epoch', owner.epoch);
        elsif not collection_is_live then
            outcome := 'no_collection';
        elsif op.operation = 'put' and op.condition = 'none' and owner.peer is null then
            now_ := clock_timestamp();
            dated_at := coalesce(dated_at, now_);
            insert into sharding_items.%1$I as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
            values (greatest(owner.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint),
                    now_, now_ + op.ttl * interval '1 second', op.slot, %1$L, op.pk, op.id, op.doc)
            on conflict (slot, collection, pk, id) do update
                set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
                    updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
                where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired item is not "replaced": see below
            returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at,
                      case when op.return_doc then i.doc end
            into outcome, version, updated_at, expires_at, doc;
            if outcome is not null and clock_timestamp() > now_ + (case outcome when 'created' then apart else late end) then
                select d.* into version, updated_at, expires_at from sharding.date_anew(op.slot, %1$L, op.pk, op.id, op.ttl) d;
            end if;
        end if;

        while outcome is null loop -- again only if somebody else inserted the key between our look and our insert
            select i.* into current from sharding_items.%1$I i
            where i.slot = op.slot and i.collection = %1$L and i.pk = op.pk and i.id = op.id
            for update;
            exists_ := found;
            now_ := clock_timestamp();
            dated_at := coalesce(dated_at, now_);
            live := exists_ and (current.expires_at is null or current.expires_at > now_);
            if (case op.condition
                   when 'absent' then live
                   when 'present' then not live
                   when 'match' then not live or current.version <> all (op.versions::bigint[])
                   when 'no_match' then live and current.version = any (op.versions::bigint[])
                   else false
                end) then
                outcome := 'precondition_failed';
                version := case when live then current.version end;
            elsif not live and (op.operation = 'delete'
                                or op.operation in ('merge_patch', 'json_patch', 'check') and op.condition <> 'absent') then
                outcome := 'missing';
            elsif op.operation = 'check' then
                outcome := 'checked';
                version := case when live then current.version end;
            elsif op.operation = 'delete' then
                if owner.peer is not null then
                    perform sharding.keep_before_image(op.slot, %1$L, op.pk, op.id);
                end if;
                perform sharding.let_age(current.version);
                delete from sharding_items.%1$I i
                where i.slot = op.slot and i.collection = %1$L and i.pk = op.pk and i.id = op.id;
                outcome := 'deleted';
                version := current.version;
            else
                begin
                    doc := op.doc;
                    if op.operation <> 'put' then
                        doc := sharding.changed_document(op.operation, case when live then current.doc else '{}' end, op.doc);
                    end if;
                exception when sqlstate 'SH022' or sqlstate 'SH023' then
                    outcome := case sqlstate when 'SH023' then 'out_of_range' else 'invalid_patch' end;
                    detail := sqlerrm;
                    version := case when live then current.version end;
                    doc := null;
                end;
                if outcome is null then
                    if owner.peer is not null then
                        perform sharding.keep_before_image(op.slot, %1$L, op.pk, op.id);
                    end if;
                    version := greatest(coalesce(current.version, 0) + 1, owner.version_floor + 1,
                                        (extract(epoch from now_) * 1000000)::bigint);
                    updated_at := greatest(now_, current.updated_at);
                    expires_at := case when op.ttl is null and live and op.operation <> 'put' then current.expires_at
                                       else now_ + op.ttl * interval '1 second' end;
                    changed.doc := doc; changed.version := version; changed.updated_at := updated_at; changed.expires_at := expires_at;
                    if exists_ then
                        update sharding_items.%1$I i
                        set doc = changed.doc, version = changed.version, updated_at = changed.updated_at, expires_at = changed.expires_at
                        where i.slot = op.slot and i.collection = %1$L and i.pk = op.pk and i.id = op.id;
                        outcome := case when live then 'replaced' else 'created' end;
                    else
                        insert into sharding_items.%1$I (version, updated_at, expires_at, slot, collection, pk, id, doc)
                        values (changed.version, changed.updated_at, changed.expires_at, op.slot, %1$L, op.pk, op.id, changed.doc)
                        on conflict (slot, collection, pk, id) do nothing;
                        outcome := case when found then 'created' end;
                        if found and clock_timestamp() > now_ + apart then
                            select d.* into version, updated_at, expires_at
                            from sharding.date_anew(op.slot, %1$L, op.pk, op.id, op.ttl) d;
                        end if;
                    end if;
                    if not op.return_doc then
                        doc := null;
                    end if;
                end if;
            end if;
        end loop;

        if p_atomic and outcome not in ('created', 'replaced', 'deleted', 'checked')
           and (first_failed is null or (first_failed ->> 'ord')::integer > ord) then
            first_failed := jsonb_build_object('ord', ord, 'outcome', outcome, 'version', version, 'detail', detail);
        end if;
        if op.ttl is not null and expires_at is not null then
            expiries[ord] := expires_at;
        end if;
        return next;
    end loop;

    -- 6. Items that this call wrote before it waited would live too short, so their expiry is set once more. All rows are locked now: no
    --    wait follows. A row with another expiry than the one given was changed by a later operation on the same key, and stays as it is.
    if cardinality(p_operations) > 1 and cardinality(expiries) > 0 and clock_timestamp() > dated_at + late then
        now_ := clock_timestamp();
        for n in array_lower(expiries, 1) .. array_upper(expiries, 1) loop
            update sharding_items.%1$I i set expires_at = now_ + p_ttls[n] * interval '1 second'
            where i.slot = p_slots[n] and i.collection = %1$L and i.pk = p_pks[n] and i.id = p_ids[n]
              and i.expires_at = expiries[n];
        end loop;
    end if;

    if first_failed is not null then
        raise exception using errcode = 'SH003', message = 'the transaction was refused', detail = first_failed::text;
    end if;
end
$$
    $many$, p_collection);

    execute format($one$
create or replace function sharding_items.%1$I(
    p_slot smallint, p_pk text, p_id text, p_doc jsonb, p_ttl integer, p_return_doc boolean,
    out ord integer, out outcome text, out version bigint, out updated_at timestamptz, out expires_at timestamptz,
    out doc jsonb, out detail text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    late constant interval := '100 milliseconds'; -- as in the function for many writes
    apart constant interval := sharding.versions_apart();
    now_ timestamptz;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'writing needs READ COMMITTED, this transaction is '
            || current_setting('transaction_isolation');
    end if;

    perform pg_advisory_xact_lock_shared(1397246027, p_slot::integer);

    now_ := clock_timestamp();
    ord := 1;
    insert into sharding_items.%1$I as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
    select greatest(o.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint),
           now_, now_ + p_ttl * interval '1 second', p_slot, %1$L, p_pk, p_id, p_doc
    from sharding.slot_ownership o
    where o.slot = p_slot and o.state = 'owned' and o.peer is null
      and exists (select from sharding.collection c where c.name = %1$L and c.dropped_at is null)
    on conflict (slot, collection, pk, id) do update
        set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
            updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
        where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired item is not "replaced"
    returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at,
              case when p_return_doc then i.doc end
    into outcome, version, updated_at, expires_at, doc;

    -- Nothing was written, and the lock is still ours. The function for many writes finds out why, and does what is to be done then.
    if outcome is null then
        select w.ord, w.outcome, w.version, w.updated_at, w.expires_at, w.doc, w.detail
        into ord, outcome, version, updated_at, expires_at, doc, detail
        from sharding_items.%1$I(
            false, '{put}', array[p_slot], array[p_pk], array[p_id], array[p_doc], '{none}', '{null}', array[p_ttl], array[p_return_doc]) w;
    elsif clock_timestamp() > now_ + (case outcome when 'created' then apart else late end) then
        select d.* into version, updated_at, expires_at from sharding.date_anew(p_slot, %1$L, p_pk, p_id, p_ttl) d;
    end if;
end
$$
    $one$, p_collection);
end
$create$;

-- Applies operations on items of any collections in one transaction. The slots of all operations are locked first, in ascending order, as
-- in the functions of the collections: who takes the locks of one collection after the other could deadlock with a freeze.
--
-- Puts without a condition are one statement, whatever their collections are. The table routes each row to its partition, locks only the
-- partitions that get rows, and needs one plan. A session that writes to hundreds of collections would otherwise keep the plans of hundreds
-- of functions. The statement is step 4 of the functions of the collections, with the same argument. Keys are visited by collection, slot,
-- pk, id, as every writer does. What it leaves over, and everything else, goes by the functions of the collections, one after the other. A
-- put that is alone in its collection then goes by the function for one.
--
-- by_function    a function of the collection was called, so its plans are now in the memory of this session
create function sharding.write_items(
    p_atomic boolean, p_operations text[], p_slots smallint[], p_collections text[], p_pks text[], p_ids text[],
    p_docs jsonb[], p_conditions text[], p_versions text[], p_ttls integer[], p_return_docs boolean[])
returns table (ord integer, outcome text, version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb, detail text,
               by_function boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_hashjoin = on as $$
#variable_conflict use_column
declare
    late         constant interval := '100 milliseconds'; -- as in the functions of the collections
    apart        constant interval := sharding.versions_apart();
    is_late      boolean;
    begun_at     timestamptz;
    asked        record;       -- the operations on one collection: its name, and their places in the arrays
    first_       integer;      -- the place of the first of them
    first_failed jsonb;
    expiries     timestamptz[] := '{}'; -- by ord: the expiries that this call has given
    answered     boolean[] := '{}';     -- by ord
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'writing needs READ COMMITTED, this transaction is '
            || current_setting('transaction_isolation');
    end if;
    perform pg_advisory_xact_lock_shared(1397246027, locks.slot)
    from (select distinct s::integer as slot from unnest(p_slots) s order by slot) locks;
    begun_at := clock_timestamp();

    if p_operations <@ '{put}' and p_conditions <@ '{none}' then
        for ord, outcome, version, updated_at, expires_at, doc, is_late in
            with put as materialized (
                select distinct on (u.name collate "C", u.slot, u.pk collate "C", u.id collate "C") u.*
                from unnest(p_slots, p_collections, p_pks, p_ids, p_docs, p_ttls, p_return_docs)
                     with ordinality as u (slot, name, pk, id, doc, ttl, return_doc, ord)
                order by u.name collate "C", u.slot, u.pk collate "C", u.id collate "C", u.ord
            ), checked as materialized (
                select put.*, o.version_floor, o.version_floor is not null and c.live is not null as may
                from put
                left join lateral (select s.version_floor from sharding.slot_ownership s
                                   where s.slot = put.slot and s.state = 'owned' and s.peer is null limit 1) o on true
                left join lateral (select true as live from sharding.collection c
                                   where c.name = put.name and c.dropped_at is null limit 1) c on true
            ), written as (
                -- A row that was routed has no xmax to tell created from replaced. The last bit of its version does: 0 is a new row.
                insert into sharding.item as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
                select (greatest(c.version_floor + 1, (extract(epoch from read.now_) * 1000000)::bigint) + 1) & ~1::bigint,
                       read.now_, read.now_ + c.ttl * interval '1 second', c.slot, c.name, c.pk, c.id, c.doc
                from checked c
                cross join lateral (select clock_timestamp() as now_ where c.ord is not null offset 0) read -- once for each row
                where (select bool_and(may) from checked)
                on conflict (slot, collection, pk, id) do update
                    set doc = excluded.doc, updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at,
                        version = case when i.expires_at is null or i.expires_at > clock_timestamp()
                                       then greatest(i.version + 1, excluded.version) | 1
                                       -- an item that had expired is not "replaced", it is a new one
                                       else (greatest(i.version + 1, excluded.version) + 1) & ~1::bigint end
                returning i.version & 1 = 0 as is_new, clock_timestamp() > i.updated_at + apart as is_late,
                          i.version, i.updated_at, i.expires_at, i.doc, i.slot, i.collection as name, i.pk, i.id
            )
            select put.ord, case when w.is_new then 'created' else 'replaced' end, w.version, w.updated_at, w.expires_at,
                   case when put.return_doc then w.doc end, w.is_new and w.is_late
            from written w join put using (name, slot, pk, id)
        loop
            answered[ord] := true;
            by_function := false;
            if is_late then
                select d.* into version, updated_at, expires_at
                from sharding.date_anew(p_slots[ord], p_collections[ord], p_pks[ord], p_ids[ord], p_ttls[ord]) d;
            end if;
            if expires_at is not null then
                expiries[ord] := expires_at;
            end if;
            return next;
        end loop;
    end if;

    for asked in
        select u.name, array_agg(u.ord::integer order by u.ord) as places,
               exists (select from sharding.collection c where c.name = u.name) as exists_
        from unnest(p_collections) with ordinality u (name, ord)
        where answered[u.ord] is null
        group by u.name order by u.name collate "C"
    loop
        first_ := asked.places[1];
        by_function := asked.exists_;
        for ord, outcome, version, updated_at, expires_at, doc, detail in
            execute case
                when not asked.exists_ then $sql$
                    select $1[r.ord], r.outcome, null::bigint, null::timestamptz, null::timestamptz, null::jsonb, r.detail
                    from sharding.refuse_unknown(array(select $3[n] from unnest($1) with ordinality p (n, o) order by o)) r
                    $sql$
                when cardinality(asked.places) = 1 and p_operations[first_] = 'put' and p_conditions[first_] = 'none' then format($sql$
                    select $1[1], w.outcome, w.version, w.updated_at, w.expires_at, w.doc, w.detail
                    from sharding_items.%I($3[$1[1]], $4[$1[1]], $5[$1[1]], $6[$1[1]], $9[$1[1]], $10[$1[1]]) w
                    $sql$, asked.name)
                when cardinality(asked.places) = cardinality(p_operations) then
                    format('select * from sharding_items.%I(false, $2, $3, $4, $5, $6, $7, $8, $9, $10)', asked.name)
                else format($sql$
                    select $1[w.ord], w.outcome, w.version, w.updated_at, w.expires_at, w.doc, w.detail
                    from (select array_agg($2[n] order by o) as operations, array_agg($3[n] order by o) as slots,
                                 array_agg($4[n] order by o) as pks, array_agg($5[n] order by o) as ids,
                                 array_agg($6[n] order by o) as docs,
                                 array_agg($7[n] order by o) as conditions, array_agg($8[n] order by o) as versions,
                                 array_agg($9[n] order by o) as ttls, array_agg($10[n] order by o) as return_docs
                          from unnest($1) with ordinality p (n, o)) a
                    cross join lateral sharding_items.%I(
                        false, a.operations, a.slots, a.pks, a.ids, a.docs, a.conditions, a.versions, a.ttls, a.return_docs) w
                    $sql$, asked.name)
                end
            using asked.places, p_operations, p_slots, p_pks, p_ids, p_docs, p_conditions, p_versions, p_ttls, p_return_docs
        loop
            if p_atomic and outcome not in ('created', 'replaced', 'deleted', 'checked')
               and (first_failed is null or (first_failed ->> 'ord')::integer > ord) then
                first_failed := jsonb_build_object('ord', ord, 'outcome', outcome, 'version', version, 'detail', detail);
            end if;
            if p_ttls[ord] is not null and expires_at is not null then
                expiries[ord] := expires_at;
            end if;
            return next;
        end loop;
    end loop;

    -- As step 6 of the functions of the collections: an operation may have waited after another one had given its expiry.
    if cardinality(expiries) > 0 and clock_timestamp() > begun_at + late then
        for n in array_lower(expiries, 1) .. array_upper(expiries, 1) loop
            if expiries[n] is not null then
                execute format(
                    'update sharding_items.%1$I i set expires_at = clock_timestamp() + $1 * interval ''1 second'''
                    ' where i.slot = $2 and i.collection = %1$L and i.pk = $3 and i.id = $4 and i.expires_at = $5', p_collections[n])
                using p_ttls[n], p_slots[n], p_pks[n], p_ids[n], expiries[n];
            end if;
        end loop;
    end if;

    if first_failed is not null then
        raise exception using errcode = 'SH003', message = 'the transaction was refused', detail = first_failed::text;
    end if;
end
$$;

-- Answers operations on a collection that this shard does not have, as step 5 does for one that it has: whose slot is elsewhere learns that
-- first. The caller has the locks of the slots.
create function sharding.refuse_unknown(p_slots smallint[]) returns table (ord integer, outcome text, detail text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    owner sharding.slot_ownership;
begin
    for n in 1 .. cardinality(p_slots) loop
        select o.* into owner from sharding.slot_ownership o where o.slot = p_slots[n];
        if owner.state = 'frozen' and owner.frozen_until < clock_timestamp() and sharding.thaw_if_expired(p_slots[n]) then
            select o.* into owner from sharding.slot_ownership o where o.slot = p_slots[n];
        end if;
        ord := n;
        outcome := case when owner.state = 'owned' then 'no_collection'
                        when owner.state in ('frozen', 'importing') then 'moving' else 'not_owned' end;
        detail := case when owner.state is distinct from 'owned'
                       then jsonb_build_object('state', owner.state, 'peer', owner.peer, 'epoch', owner.epoch) end;
        return next;
    end loop;
end
$$;

-- Deletes up to p_limit expired items of slots that this shard owns, beginning with the collection p_collection ('': the first one) and
-- the slot p_from. The steps are small, so that no freeze waits long for one. Returns how many items were deleted, and the collection and
-- the slot with which the next call has to begin; NULL: everything has been looked at. The fence is that of the writes: lock the slot (here
-- only if the lock is free), then check in a later statement.
--
-- One call looks at up to 50 collections and 1,024 owned slots, each by one look-up in the index. Collections without any item that expires
-- cost one look-up. It stops early at the 100th slot in which an item has expired, because each of these slots is an entry in Postgres'
-- lock table, as each partition is. So the work of a call is bounded, even if millions of expired rows lie in slots that are released or
-- importing. A call that deleted p_limit items may have left some, so the next call begins with the first slot that this one locked. After
-- any other call, the next one begins behind the last slot that was looked at. Either way the caller comes to the end.
-- The settings leave the planner no other plan than these look-ups: the statistics of a table that has just been filled suggest other
-- plans.
create function sharding.delete_expired(
    p_limit integer, p_collection text, p_from integer, out deleted integer, out next_collection text, out next_from integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
declare
    max_collections constant integer := 50;
    max_slots       constant integer := 1024;
    max_due         constant integer := 100;
    -- A constant, because a volatile function could not be a bound of an index scan. It is 2 ms before now, for rule 2 of versions_apart:
    -- the last write of an item came before the item expired.
    now_            constant timestamptz := clock_timestamp() - sharding.versions_apart();
    name_           text;
    from_           integer;
    any_            boolean;
    last_           integer;
    looked_at       integer;
    last_due        integer;
    due_slots       integer;
    locked          smallint[];
    here            integer;
    collections_    integer := 0;
    all_looked_at   integer := 0;
    all_due         integer := 0;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'delete_expired needs READ COMMITTED';
    end if;
    deleted := 0;
    for name_ in select p from sharding.partitions() p where p >= p_collection order by p limit max_collections + 1 loop
        if collections_ = max_collections or all_looked_at >= max_slots or all_due >= max_due or deleted >= p_limit then
            next_collection := name_; next_from := 0;
            return;
        end if;
        collections_ := collections_ + 1;
        execute format('select exists (select from sharding_items.%I where expires_at is not null)', name_) into any_;
        continue when not any_;

        from_ := case when name_ = p_collection then p_from else 0 end;
        select max(s.slot), count(*) into last_, looked_at
        from (select o.slot from sharding.slot_ownership o
              where o.slot >= from_ and o.state = 'owned' and o.peer is null
              order by o.slot limit max_slots - all_looked_at) s;

        execute format($sql$
            select max(due.slot), count(*), array_agg(due.slot order by due.slot) filter (where due.is_free)
            from (select d.slot, pg_try_advisory_xact_lock_shared(1397246027, d.slot) as is_free
                  from (select o.slot from sharding.slot_ownership o
                        cross join lateral (select from sharding_items.%1$I i
                                            where i.slot = o.slot and i.expires_at <= $1
                                            order by i.slot, i.expires_at limit 1) first_due
                        where o.slot between $2 and $3 and o.state = 'owned' and o.peer is null
                        order by o.slot limit $4) d) due
            $sql$, name_) into last_due, due_slots, locked using now_, from_, last_, max_due - all_due;

        execute format($sql$
            delete from sharding_items.%1$I i
            using (select d.slot, d.pk, d.id
                   from sharding.slot_ownership o
                   cross join lateral (select item.slot, item.pk, item.id from sharding_items.%1$I item
                                       where item.slot = o.slot and item.expires_at <= $1
                                       order by item.slot, item.expires_at limit $2
                                       for update skip locked) d
                   -- a slot with a peer is not compared yet: later
                   where o.slot = any ($3) and o.state = 'owned' and o.peer is null
                   limit $2) due
            where i.slot = due.slot and i.collection = %1$L and i.pk = due.pk and i.id = due.id
            $sql$, name_) using now_, p_limit - deleted, locked;
        get diagnostics here = row_count;

        deleted := deleted + here;
        all_looked_at := all_looked_at + looked_at;
        next_from := case when deleted >= p_limit then locked[1]
                          when all_due + due_slots = max_due then last_due + 1
                          when all_looked_at = max_slots then last_ + 1 end;
        all_due := all_due + due_slots;
        if next_from is not null then
            next_collection := name_;
            return;
        end if;
    end loop;
end
$$;
