-- One put alone, faster: most writes come alone where a shard is not saturated. In write_items it takes five statements over
-- arrays, here two (docs/performance.md).

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
    where o.slot = p_slot and o.state = 'owned'
      and exists (select from sharding.collection c where c.name = p_collection and c.dropped_at is null)
    on conflict (slot, collection, pk, id) do update
        set doc = excluded.doc, version = greatest(i.version + 1, excluded.version),
            updated_at = excluded.updated_at, expires_at = excluded.expires_at
        where i.expires_at is null or i.expires_at > now_ -- an expired one is not "replaced"
    returning case when i.xmax = 0 then 'created' else 'replaced' end, i.version, i.updated_at, i.expires_at, case when p_return_doc then i.doc end
    into outcome, version, updated_at, expires_at, doc;

    -- Nothing was written, and the lock is still ours: why, and what to do about it, write_items knows.
    if outcome is null then
        select w.ord, w.outcome, w.version, w.updated_at, w.expires_at, w.doc, w.detail
        into ord, outcome, version, updated_at, expires_at, doc, detail
        from sharding.write_items(
            false, '{put}', array[p_slot], array[p_collection], array[p_pk], array[p_id], array[p_doc],
            '{none}', '{null}', array[p_ttl], array[p_return_doc]) w;
    end if;
end
$$;
