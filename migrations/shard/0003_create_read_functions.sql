-- Fenced reads. One statement checks the ownership and reads the data, so both are of one snapshot. On a primary this makes the read
-- linearizable: the snapshot was taken after the request arrived, and at that snapshot no other shard had taken writes to the slot,
-- because the source commits "released" before the target commits "owned". On a standby this argument does not hold.
--
-- A router reads the items of one collection with the statement below as text, which names the partition, and prepares it
-- (src/ShardRouter/Items/ReadItemsSql.cs). A statement on sharding.item would lock all partitions whenever it runs, or be planned anew
-- each time.

-- Reads items of any collections. Returns one row for each key, in no particular order; ord is the key's place in the arrays, from 1.
-- state NULL: the slot was never here. released, importing: this shard is not the owner any more, or not yet; peer and epoch say more.
-- version NULL: there is no such item, or it has expired, or this shard does not have the collection.
-- The function is STABLE, so all of its statements have the snapshot of the statement that called it.
create function sharding.read_items(p_slots smallint[], p_collections text[], p_pks text[], p_ids text[])
returns table (ord integer, state text, peer text, epoch bigint,
               version bigint, updated_at timestamptz, expires_at timestamptz, doc jsonb)
language plpgsql stable rows 10 as $$
declare
    asked text;
begin
    for asked in select distinct c.name from unnest(p_collections) a join sharding.collection c on c.name = a loop
        -- LIMIT keeps this one look-up for each key, and never a hash of the whole table, even if the statistics mislead the planner.
        return query execute format($sql$
            select k.ord::integer, o.state, o.peer, o.epoch, i.version, i.updated_at, i.expires_at, i.doc
            from unnest($1, $2, $3, $4) with ordinality as k (slot, collection, pk, id, ord)
            left join sharding.slot_ownership o on o.slot = k.slot
            left join lateral (
                select item.version, item.updated_at, item.expires_at, item.doc
                from sharding_items.%1$I item
                where item.slot = k.slot and item.collection = %1$L and item.pk = k.pk and item.id = k.id
                  and (item.expires_at is null or item.expires_at > clock_timestamp())
                limit 1
            ) i on o.state in ('owned', 'frozen')
            where k.collection = %1$L
            $sql$, asked) using p_slots, p_collections, p_pks, p_ids;
    end loop;
    return query
        select k.ord::integer, o.state, o.peer, o.epoch, null::bigint, null::timestamptz, null::timestamptz, null::jsonb
        from unnest(p_slots, p_collections) with ordinality as k (slot, collection, ord)
        left join sharding.slot_ownership o on o.slot = k.slot
        where not exists (select from sharding.collection c where c.name = k.collection);
end
$$;
