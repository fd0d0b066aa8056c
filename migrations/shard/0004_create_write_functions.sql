-- Writes, fenced. See 1. to 3. in write_items for the argument.

-- A move compares what it brought with what the source had, after this shard has become the owner and takes writes. So that it
-- compares the state at the hand-over, the first write of each row since then keeps the row's hash from before it. This lasts until
-- the comparison (import_compared), normally for less than a second. A row that somebody changed by hand has no entry here: the
-- comparison finds it.
create table sharding.before_image (
    slot       smallint not null,
    collection text collate "C" not null,
    pk         text collate "C" not null,
    id         text collate "C" not null,
    hash       bigint,                          -- as in SlotChecksums.RowHash (C#); NULL: there was no such row
    primary key (slot, collection, pk, id)
);

-- Called in the transaction that changes the row, before the change, with the row locked if it exists. If the key has an entry
-- already, an earlier writer has kept the older state, and that one counts. Two writers who both create the row meet at the primary
-- key: the second waits for the first. Only the first entry of a key can be made while the row is as it was at the hand-over,
-- because every writer makes its entry before it changes the row.
create function sharding.keep_before_image(p_slot smallint, p_collection text, p_pk text, p_id text) returns void
language sql volatile as $$
    insert into sharding.before_image (slot, collection, pk, id, hash)
    values (p_slot, p_collection, p_pk, p_id,
            (select hash_record_extended(row(i.version, i.updated_at, i.expires_at, i.slot, i.collection, i.pk, i.id, i.doc), 0)
             from sharding.item i where i.slot = p_slot and i.collection = p_collection and i.pk = p_pk and i.id = p_id))
    on conflict do nothing
$$;

-- Versions of a key grow, also when its item is deleted and created anew. Nothing is left of a deleted item, so the clock has to see to
-- it: the version of a new item is the clock's, and that was read before the INSERT, which waits while another transaction has the key.
-- That transaction may have written a later version and then deleted the item. Two rules together exclude it.
-- 1. A row that was inserted more than 2 ms after the clock was read for it is dated anew (date_anew). So its clock was read less than
--    2 ms before the insert.
-- 2. An item whose version is younger than 2 ms is not deleted before it is that old (let_age). The insert came after the deletion, so the
--    clock for it was read when the deleted version was in the past.
-- The number is in versions_apart, once. It does not help where the deleted version is ahead of the clock, because that was set back, or
-- because the slot came from a shard whose clock is ahead.
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

-- Gives a row that this transaction has inserted the times of now. An INSERT waits while another transaction has the key, and its times are
-- from before that wait: a time to live of two seconds would be over when three have been waited. Nobody has seen the row yet, so its
-- version may stay when the clock has not moved.
create function sharding.date_anew(
    p_slot smallint, p_collection text, p_pk text, p_id text, p_ttl integer,
    out version bigint, out updated_at timestamptz, out expires_at timestamptz)
language sql volatile as $$
    update sharding.item i
    set version = greatest(i.version, (extract(epoch from read.now_) * 1000000)::bigint),
        updated_at = greatest(i.updated_at, read.now_),
        expires_at = read.now_ + p_ttl * interval '1 second'
    from (select clock_timestamp() as now_ offset 0) read
    where i.slot = p_slot and i.collection = p_collection and i.pk = p_pk and i.id = p_id
    returning i.version, i.updated_at, i.expires_at
$$;

-- Applies operations on items in one transaction.
--
-- p_operations   put · delete · merge_patch · json_patch · increment · check
-- p_docs         the document, the patch, or for increment {"path":[…],"by":n}
-- p_conditions   none · absent · present · match · no_match; for the last two p_versions has '{v,…}'
-- p_ttls         seconds; NULL: a put never expires, a patch keeps the expiry
-- p_atomic       true: all or nothing; a failure raises SH003 whose DETAIL is the result row of the first culprit as JSON
--
-- outcome        created · replaced · deleted · checked | missing · precondition_failed · invalid_patch
--                no_collection | not_owned (detail: new owner and epoch) · moving (frozen, or not yet ours)
-- version        after a success the new one (delete: the last one); after a failed condition the current one or NULL
-- expires_at     of a call with several operations that has waited for a lock: the item lives longer than this says, by that wait
--
-- A time to live counts from the last wait for a lock, to a tenth of a second, and updated_at never goes back.
--
-- The caller may tell a client "done" only when the whole answer has been read up to ReadyForQuery: rows can arrive
-- before the commit has happened.
create function sharding.write_items(
    p_atomic boolean, p_operations text[], p_slots smallint[], p_collections text[], p_pks text[], p_ids text[],
    p_docs jsonb[], p_conditions text[], p_versions text[], p_ttls integer[], p_return_docs boolean[])
returns table (ord integer, outcome text, version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb, detail text)
language plpgsql volatile set enable_hashjoin = on as $$
#variable_conflict use_column
declare
    late         constant interval := '100 milliseconds';
    apart        constant interval := sharding.versions_apart();
    is_late      boolean;
    op           record;
    owner        sharding.slot_ownership;
    current      sharding.item;
    collection   text;
    exists_      boolean;      -- a row stands there
    live         boolean;      -- and it has not expired
    collection_is_live boolean;
    first_failed jsonb;
    now_         timestamptz;
    dated_at     timestamptz;           -- when the call first read the clock for a row
    expiries     timestamptz[] := '{}'; -- by ord: that this call has given
    answered     boolean[] := '{}';     -- by ord
begin
    -- 1. READ COMMITTED, so that each statement below sees what was committed before it began. Under REPEATABLE READ
    --    the snapshot may be older than the wait for the lock, and a write lands in a slot that was frozen meanwhile.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'write_items needs READ COMMITTED, this transaction is '
            || current_setting('transaction_isolation');
    end if;

    -- 2. A statement that only locks, the slots in ascending order. A freeze takes the same lock exclusively: it waits
    --    for writers that have passed here, and writers wait for it here. Held until the end of the transaction.
    --    In one statement with the check of 3., that check would look with a snapshot from before the wait: raced, it lost.
    perform pg_advisory_xact_lock_shared(1397246027, locks.slot)
    from (select distinct s::integer as slot from unnest(p_slots) s order by slot) locks;

    -- 3. Later statements, fresh snapshots: ownership cannot change any more while we hold the locks.
    --    Keys are visited in one order, the same for every caller, so that two calls cannot deadlock on rows.
    --    Operations on one key keep their order; those on different keys do not depend on each other, so the first
    --    culprit is the failed operation with the lowest ord, wherever in the visit it was met.
    --
    -- 4. Nothing but puts without a condition, the bulk of what comes: one statement for the first put of each key, still a
    --    later one than the locks, so what holds for the check in 5. holds for the one in here. All of them or none: a slot
    --    that is not owned now may be thawed before 5. looks at it, and keys written there after higher ones here would break
    --    the one order of 3. So what is left to 5. has its row locked already (expired items, further puts of a key), or nothing has.
    --    One alone is faster in 5. A hash tells which row came of which put: routers switch hash joins off, for their look-ups,
    --    and 128 rows beside 128 puts in a loop cost more than all the rest.
    if cardinality(p_operations) > 1 and p_operations <@ '{put}' and p_conditions <@ '{none}' then
        answered := array_fill(null::boolean, array[cardinality(p_operations)]);
        now_ := clock_timestamp();
        dated_at := now_;
        for ord, outcome, version, updated_at, expires_at, doc, is_late in
            with put as materialized (
                select distinct on (u.slot, u.collection collate "C", u.pk collate "C", u.id collate "C") u.*
                from unnest(p_slots, p_collections, p_pks, p_ids, p_docs, p_ttls, p_return_docs) with ordinality as u (slot, collection, pk, id, doc, ttl, return_doc, ord)
                order by u.slot, u.collection collate "C", u.pk collate "C", u.id collate "C", u.ord
            ), checked as materialized (
                -- LIMIT keeps these a look-up per put, whatever the statistics say, and so the puts in their order.
                select put.*, o.version_floor, o.version_floor is not null and c.live is not null as may
                from put
                left join lateral (select s.version_floor from sharding.slot_ownership s where s.slot = put.slot and s.state = 'owned' and s.peer is null limit 1) o on true
                left join lateral (select true as live from sharding.collection c where c.name = put.collection and c.dropped_at is null limit 1) c on true
            ), written as (
                insert into sharding.item as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
                select greatest(c.version_floor + 1, (extract(epoch from read.now_) * 1000000)::bigint),
                       read.now_, read.now_ + c.ttl * interval '1 second', c.slot, c.collection, c.pk, c.id, c.doc
                from checked c
                cross join lateral (select clock_timestamp() as now_ where c.ord is not null offset 0) read -- once for each row
                where (select bool_and(may) from checked)
                on conflict (slot, collection, pk, id) do update
                    set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
                        updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
                    where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired one is not "replaced"
                returning i.xmax = 0 as is_new, clock_timestamp() > i.updated_at + apart as is_late, i.version, i.updated_at, i.expires_at, i.doc, i.slot, i.collection, i.pk, i.id
            )
            select put.ord, case when w.is_new then 'created' else 'replaced' end, w.version, w.updated_at, w.expires_at, case when put.return_doc then w.doc end, w.is_new and w.is_late
            from written w join put using (slot, collection, pk, id)
        loop
            answered[ord] := true;
            if is_late then
                select d.* into version, updated_at, expires_at
                from sharding.date_anew(p_slots[ord], p_collections[ord], p_pks[ord], p_ids[ord], p_ttls[ord]) d;
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

    -- 5. Everything else, one after the other. So do all writes of slots that a move brought here and has not compared yet: what they
    --    change first is kept as it was (sharding.before_image).
    for op in
        select u.* from unnest(p_operations, p_slots, p_collections, p_pks, p_ids, p_docs, p_conditions, p_versions, p_ttls, p_return_docs)
            with ordinality as u (operation, slot, collection, pk, id, doc, condition, versions, ttl, return_doc, ord)
        where answered[u.ord] is null
        order by u.slot, u.collection collate "C", u.pk collate "C", u.id collate "C", u.ord
    loop
        ord := op.ord;
        outcome := null; version := null; updated_at := null; expires_at := null; doc := null; detail := null;
        if owner.slot is distinct from op.slot then
            select o.* into owner from sharding.slot_ownership o where o.slot = op.slot;
            if owner.state = 'frozen' and owner.frozen_until < clock_timestamp() and sharding.thaw_if_expired(op.slot) then
                select o.* into owner from sharding.slot_ownership o where o.slot = op.slot;
            end if;
        end if;
        if collection is distinct from op.collection then
            collection := op.collection;
            collection_is_live := exists (select from sharding.collection c where c.name = op.collection and c.dropped_at is null);
        end if;

        if owner.state is distinct from 'owned' then
            outcome := case when owner.state in ('frozen', 'importing') then 'moving' else 'not_owned' end;
            detail := jsonb_build_object('state', owner.state, 'peer', owner.peer, 'epoch', owner.epoch);
        elsif not collection_is_live then
            outcome := 'no_collection';
        elsif op.operation = 'put' and op.condition = 'none' and owner.peer is null then
            now_ := clock_timestamp();
            dated_at := coalesce(dated_at, now_);
            insert into sharding.item as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
            values (greatest(owner.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint),
                    now_, now_ + op.ttl * interval '1 second', op.slot, op.collection, op.pk, op.id, op.doc)
            on conflict (slot, collection, pk, id) do update
                set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
                    updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
                where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired one is not "replaced": see below
            returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at, case when op.return_doc then i.doc end
            into outcome, version, updated_at, expires_at, doc;
            if outcome is not null and clock_timestamp() > now_ + (case outcome when 'created' then apart else late end) then
                select d.* into version, updated_at, expires_at from sharding.date_anew(op.slot, op.collection, op.pk, op.id, op.ttl) d;
            end if;
        end if;

        while outcome is null loop -- once, or again when somebody else inserted the key between our look and our insert
            select i.* into current from sharding.item i
            where i.slot = op.slot and i.collection = op.collection and i.pk = op.pk and i.id = op.id
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
                    perform sharding.keep_before_image(op.slot, op.collection, op.pk, op.id);
                end if;
                perform sharding.let_age(current.version);
                delete from sharding.item i
                where i.slot = op.slot and i.collection = op.collection and i.pk = op.pk and i.id = op.id;
                outcome := 'deleted';
                version := current.version;
            else
                begin
                    doc := op.doc;
                    if op.operation <> 'put' then
                        doc := sharding.changed_document(op.operation, case when live then current.doc else '{}' end, op.doc);
                    end if;
                exception when sqlstate 'SH022' then
                    outcome := 'invalid_patch';
                    detail := sqlerrm;
                    version := case when live then current.version end;
                    doc := null;
                end;
                if outcome is null then
                    if owner.peer is not null then
                        perform sharding.keep_before_image(op.slot, op.collection, op.pk, op.id);
                    end if;
                    version := greatest(coalesce(current.version, 0) + 1, owner.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint);
                    updated_at := greatest(now_, current.updated_at);
                    expires_at := case when op.ttl is null and live and op.operation <> 'put' then current.expires_at
                                       else now_ + op.ttl * interval '1 second' end;
                    if exists_ then
                        update sharding.item i
                        set doc = write_items.doc, version = write_items.version, updated_at = write_items.updated_at, expires_at = write_items.expires_at
                        where i.slot = op.slot and i.collection = op.collection and i.pk = op.pk and i.id = op.id;
                        outcome := case when live then 'replaced' else 'created' end;
                    else
                        insert into sharding.item (version, updated_at, expires_at, slot, collection, pk, id, doc)
                        values (write_items.version, write_items.updated_at, write_items.expires_at, op.slot, op.collection, op.pk, op.id, write_items.doc)
                        on conflict (slot, collection, pk, id) do nothing;
                        outcome := case when found then 'created' end;
                        if found and clock_timestamp() > now_ + apart then
                            select d.* into version, updated_at, expires_at
                            from sharding.date_anew(op.slot, op.collection, op.pk, op.id, op.ttl) d;
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

    -- 6. What came early in a call that has waited since then would live too short. All rows are locked now: no wait follows. An expiry
    --    that is not the given one any more belongs to a later operation on the same key.
    if cardinality(p_operations) > 1 and cardinality(expiries) > 0 and clock_timestamp() > dated_at + late then
        now_ := clock_timestamp();
        for n in array_lower(expiries, 1) .. array_upper(expiries, 1) loop
            update sharding.item i set expires_at = now_ + p_ttls[n] * interval '1 second'
            where i.slot = p_slots[n] and i.collection = p_collections[n] and i.pk = p_pks[n] and i.id = p_ids[n]
              and i.expires_at = expiries[n];
        end loop;
    end if;

    if first_failed is not null then
        raise exception using errcode = 'SH003', message = 'the transaction was refused', detail = first_failed::text;
    end if;
end
$$;

-- Puts one item without a condition. Answers what write_items answers to it.
--
-- The fence is the one argued in write_items, 1. to 3.: READ COMMITTED, a statement that only locks, and then, in a later
-- one with a fresh snapshot, check and write; the lock is held until the end of the transaction.
create function sharding.put_item(
    p_slot smallint, p_collection text, p_pk text, p_id text, p_doc jsonb, p_ttl integer, p_return_doc boolean,
    out ord integer, out outcome text, out version bigint, out updated_at timestamptz, out expires_at timestamptz, out doc jsonb, out detail text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    late constant interval := '100 milliseconds'; -- as in write_items
    apart constant interval := sharding.versions_apart();
    now_ timestamptz;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'put_item needs READ COMMITTED, this transaction is '
            || current_setting('transaction_isolation');
    end if;

    perform pg_advisory_xact_lock_shared(1397246027, p_slot::integer);

    now_ := clock_timestamp();
    ord := 1;
    insert into sharding.item as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
    select greatest(o.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint),
           now_, now_ + p_ttl * interval '1 second', p_slot, p_collection, p_pk, p_id, p_doc
    from sharding.slot_ownership o
    where o.slot = p_slot and o.state = 'owned' and o.peer is null
      and exists (select from sharding.collection c where c.name = p_collection and c.dropped_at is null)
    on conflict (slot, collection, pk, id) do update
        set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
            updated_at = greatest(i.updated_at, excluded.updated_at), expires_at = excluded.expires_at
        where i.expires_at is null or i.expires_at > clock_timestamp() -- an expired one is not "replaced"
    returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at, case when p_return_doc then i.doc end
    into outcome, version, updated_at, expires_at, doc;

    -- Nothing was written, and the lock is still ours: why, and what to do about it, write_items knows.
    if outcome is null then
        select w.ord, w.outcome, w.version, w.updated_at, w.expires_at, w.doc, w.detail
        into ord, outcome, version, updated_at, expires_at, doc, detail
        from sharding.write_items(
            false, '{put}', array[p_slot], array[p_collection], array[p_pk], array[p_id], array[p_doc],
            '{none}', '{null}', array[p_ttl], array[p_return_doc]) w;
    elsif clock_timestamp() > now_ + (case outcome when 'created' then apart else late end) then
        select d.* into version, updated_at, expires_at from sharding.date_anew(p_slot, p_collection, p_pk, p_id, p_ttl) d;
    end if;
end
$$;

-- Deletes up to p_limit expired items of slots that this shard owns, beginning with the slot p_from, in small steps so that no freeze waits
-- long. Returns how many, and with which slot the next call has to begin; NULL: all slots have been looked at. The fence is that of
-- write_items: lock (here only if free), then, in a later statement, check.
--
-- One call looks at up to 1,024 owned slots, each by one look-up in the index, and stops early at the 100th slot in which something is due:
-- each is an entry in Postgres' lock table. So what a call reads is bounded, whatever lies in slots that are released or importing.
-- A call that deleted p_limit items may have left some, so the next one begins with the same slot; any other call passes on behind the
-- last slot that it looked at. Either way the caller comes to the end.
-- The settings leave the planner nothing but those look-ups: the statistics of a table that has just been filled suggest others.
create function sharding.delete_expired(p_limit integer, p_from integer, out deleted integer, out next_from integer)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off
set plan_cache_mode = force_generic_plan as $$
declare
    max_slots constant integer := 1024;
    max_due   constant integer := 100;
    -- A volatile function in its place could not be a bound of an index scan. Earlier than now, for rule 2 of versions_apart: whoever wrote
    -- an item last did so before it expired.
    now_      constant timestamptz := clock_timestamp() - sharding.versions_apart();
    last_     integer;
    looked_at integer;
    last_due  integer;
    due_slots integer;
    locked    smallint[];
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'delete_expired needs READ COMMITTED';
    end if;
    select max(s.slot), count(*) into last_, looked_at
    from (select o.slot from sharding.slot_ownership o
          where o.slot >= p_from and o.state = 'owned' and o.peer is null
          order by o.slot limit max_slots) s;

    select max(due.slot), count(*), array_agg(due.slot order by due.slot) filter (where due.is_free) into last_due, due_slots, locked
    from (select d.slot, pg_try_advisory_xact_lock_shared(1397246027, d.slot) as is_free
          from (select o.slot from sharding.slot_ownership o
                cross join lateral (select from sharding.item i where i.slot = o.slot and i.expires_at <= now_ order by i.slot, i.expires_at limit 1) first_due
                where o.slot between p_from and last_ and o.state = 'owned' and o.peer is null
                order by o.slot limit max_due) d) due;

    delete from sharding.item i
    using (select d.slot, d.collection, d.pk, d.id
           from sharding.slot_ownership o
           cross join lateral (select item.slot, item.collection, item.pk, item.id from sharding.item
                               where item.slot = o.slot and item.expires_at <= now_ order by item.slot, item.expires_at limit p_limit
                               for update skip locked) d
           where o.slot = any (locked) and o.state = 'owned' and o.peer is null -- with a peer it is not compared yet: later
           limit p_limit) due
    where i.slot = due.slot and i.collection = due.collection and i.pk = due.pk and i.id = due.id;
    get diagnostics deleted = row_count;

    next_from := case when deleted >= p_limit then locked[1]
                      when due_slots = max_due then last_due + 1
                      when looked_at = max_slots then last_ + 1 end;
end
$$;
