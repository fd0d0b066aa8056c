-- Reads, fenced: ownership is checked in the same statement as the data, so both are of one snapshot. That is enough
-- for a linearizable read: at that snapshot, taken after the request arrived, no other shard took writes to the slot,
-- because the source commits "released" before the target commits "owned". True on a primary only.

-- One row per key, in no particular order; ord is the key's place in the arrays, from 1.
-- state NULL: the slot was never here; released, importing: not (or not yet) ours, peer and epoch say more.
-- version NULL: no such item, or an expired one.
create function sharding.read_items(p_slots smallint[], p_collections text[], p_pks text[], p_ids text[])
returns table (ord integer, state text, peer text, epoch bigint,
               version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb)
language sql stable rows 10 as $$
    select k.ord::integer, o.state, o.peer, o.epoch, i.version, i.updated_at, i.expires_at, i.doc
    from unnest(p_slots, p_collections, p_pks, p_ids) with ordinality as k (slot, collection, pk, id, ord)
    left join sharding.slot_ownership o on o.slot = k.slot
    -- LIMIT keeps this a look-up per key: never a hash of the whole table, whatever the statistics say.
    left join lateral (
        select item.version, item.updated_at, item.expires_at, item.doc
        from sharding.item
        where item.slot = k.slot and item.collection = k.collection and item.pk = k.pk and item.id = k.id
          and (item.expires_at is null or item.expires_at > clock_timestamp())
        limit 1
    ) i on o.state in ('owned', 'frozen')
$$;
