-- Writes, fenced. See 1. to 3. in write_items for the argument.

-- The new document of an operation that changes an existing one. Raises SH022 when it cannot be applied.
create function sharding.changed_document(p_operation text, p_current jsonb, p_doc jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    -- Compact JSON of 1 MiB, the limit for what is sent, can take this much in Postgres' spelling with its blanks.
    max_bytes constant integer := 2097152;
    result jsonb;
begin
    if p_operation = 'increment' then
        result := sharding.increment(p_current, array(select jsonb_array_elements_text(p_doc -> 'path')), (p_doc ->> 'by')::numeric);
    elsif p_operation = 'merge_patch' then
        result := sharding.merge_patch(p_current, p_doc);
    else
        result := sharding.json_patch(p_current, p_doc);
    end if;
    if jsonb_typeof(result) <> 'object' then
        raise exception using errcode = 'SH022', message = 'the patched document would not be an object';
    elsif octet_length(result::text) > max_bytes then
        raise exception using errcode = 'SH022', message = 'the patched document would be too large';
    elsif p_operation <> 'merge_patch' and sharding.json_depth(result) > 64 then
        raise exception using errcode = 'SH022', message = 'the patched document would be nested deeper than 64';
    end if;
    return result;
end
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
--
-- The caller may tell a client "done" only when the whole answer has been read up to ReadyForQuery: rows can arrive
-- before the commit has happened.
create function sharding.write_items(
    p_atomic boolean, p_operations text[], p_slots smallint[], p_collections text[], p_pks text[], p_ids text[],
    p_docs jsonb[], p_conditions text[], p_versions text[], p_ttls integer[], p_return_docs boolean[])
returns table (ord integer, outcome text, version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb, detail text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    op           record;
    owner        sharding.slot_ownership;
    current      sharding.item;
    collection   text;
    exists_      boolean;      -- a row stands there
    live         boolean;      -- and it has not expired
    collection_is_live boolean;
    first_failed jsonb;
    now_         timestamptz;
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
    for op in
        select u.* from unnest(p_operations, p_slots, p_collections, p_pks, p_ids, p_docs, p_conditions, p_versions, p_ttls, p_return_docs)
            with ordinality as u (operation, slot, collection, pk, id, doc, condition, versions, ttl, return_doc, ord)
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
        elsif op.operation = 'put' and op.condition = 'none' then
            now_ := clock_timestamp();
            insert into sharding.item as i (version, updated_at, expires_at, slot, collection, pk, id, doc)
            values (greatest(owner.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint),
                    now_, now_ + op.ttl * interval '1 second', op.slot, op.collection, op.pk, op.id, op.doc)
            on conflict (slot, collection, pk, id) do update
                set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
                    updated_at = excluded.updated_at, expires_at = excluded.expires_at
                where i.expires_at is null or i.expires_at > now_ -- an expired one is not "replaced": see below
            returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at, case when op.return_doc then i.doc end
            into outcome, version, updated_at, expires_at, doc;
        end if;

        while outcome is null loop -- once, or again when somebody else inserted the key between our look and our insert
            select i.* into current from sharding.item i
            where i.slot = op.slot and i.collection = op.collection and i.pk = op.pk and i.id = op.id
            for update;
            exists_ := found;
            now_ := clock_timestamp();
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
            elsif not live and op.operation in ('delete', 'merge_patch', 'json_patch', 'check') and op.condition <> 'absent' then
                outcome := 'missing';
            elsif op.operation = 'check' then
                outcome := 'checked';
                version := case when live then current.version end;
            elsif op.operation = 'delete' then
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
                    version := greatest(coalesce(current.version, 0) + 1, owner.version_floor + 1, (extract(epoch from now_) * 1000000)::bigint);
                    updated_at := now_;
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
        return next;
    end loop;

    if first_failed is not null then
        raise exception using errcode = 'SH003', message = 'the transaction was refused', detail = first_failed::text;
    end if;
end
$$;

-- Deletes up to p_limit expired items of slots that this shard owns, in small steps so that no freeze waits long.
-- Returns how many. The fence is that of write_items: lock (here only if free), then, in a later statement, check.
create function sharding.delete_expired(p_limit integer) returns integer
language plpgsql volatile as $$
declare
    deleted integer;
    locked  smallint[];
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'delete_expired needs READ COMMITTED';
    end if;
    select array_agg(candidate.slot) into locked
    from (select distinct due.slot
          from (select i.slot from sharding.item i where i.expires_at <= clock_timestamp() order by i.expires_at limit p_limit) due
          order by due.slot) candidate
    where pg_try_advisory_xact_lock_shared(1397246027, candidate.slot);
    delete from sharding.item i
    using (select item.slot, item.collection, item.pk, item.id
           from sharding.item join sharding.slot_ownership o on o.slot = item.slot and o.state = 'owned'
           where item.expires_at <= clock_timestamp() and item.slot = any (locked)
           limit p_limit
           for update of item skip locked) due
    where i.slot = due.slot and i.collection = due.collection and i.pk = due.pk and i.id = due.id;
    get diagnostics deleted = row_count;
    return deleted;
end
$$;
