-- As in 0010, and each page by one look at the index: which rows, where they lie, and then they are deleted by that. In the order of
-- the key, so that the next page begins behind what this one deleted: dead rows stay in the index until the next vacuum.
create or replace function sharding.delete_item_page(
    p_slots smallint[], p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    rows_ tid[];
begin
    -- The rest of the slot in which the last page ended, then the slots behind it. The list is ascending, and what is not in it is left alone.
    select array_agg(page.ctid) into rows_ from (
        (select i.ctid from sharding.item i
         where i.slot = p_slot and p_slot = any (p_slots) and (i.collection, i.pk, i.id) > (p_collection, p_pk, p_id)
         order by i.collection, i.pk, i.id limit p_limit)
        union all
        (select behind.ctid from unnest(p_slots) asked (slot)
         cross join lateral (select i.ctid from sharding.item i where i.slot = asked.slot order by i.collection, i.pk, i.id) behind
         where asked.slot > p_slot or p_slot is null
         limit p_limit)
        limit p_limit) page;
    deleted := coalesce(cardinality(rows_), 0);
    if deleted < p_limit then
        p_slot := null;
    else
        select i.slot, i.collection, i.pk, i.id into p_slot, p_collection, p_pk, p_id from sharding.item i where i.ctid = rows_[deleted];
    end if;
    delete from sharding.item where ctid = any (rows_);
end
$$;

-- As in 0008, and a page looks at 128 slots at most: it locks each, which for all that are left of a batch cost more than its rows.
create or replace function sharding.move_clean(
    p_move_id uuid, p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
declare
    here       smallint[];
    still_ours smallint[];
    next_      smallint;
begin
    perform sharding.require_read_committed();
    select array_agg(s.slot order by s.slot) into here
    from (select slot from sharding.move m, unnest(m.slots) slot where m.move_id = p_move_id and (p_slot is null or slot >= p_slot) order by slot limit 129) s;
    next_ := here[129];
    here := here[:128];
    select coalesce(array_agg(o.slot order by o.slot), '{}') into still_ours
    from (select slot from sharding.slot_ownership
          where slot = any (here) and move_id = p_move_id and state = 'released'
          order by slot for share) o;
    select * into p_slot, p_collection, p_pk, p_id, deleted
    from sharding.delete_item_page(still_ours, p_limit, p_slot, p_collection, p_pk, p_id);
    if p_slot is null then -- all of these
        p_slot := next_; p_collection := ''; p_pk := ''; p_id := ''; -- before every key: no part of one is empty
    end if;
end
$$;
