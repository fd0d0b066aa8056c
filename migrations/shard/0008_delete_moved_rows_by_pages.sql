-- Rows of a move are deleted page by page, each page going on where the last one ended. move_clean and import_purge of 0005
-- looked from the beginning of the slots each time, past all the index entries that they themselves had killed: a slot with
-- ten gigabytes took them ten thousand looks over up to ten gigabytes.

-- Deletes up to p_limit rows in key order from behind (p_slot, p_collection, p_pk, p_id), or from the first slot on when
-- p_slot is NULL. p_slots ascend; rows of slots for which p_may says no stay. Answers the last key that it looked at; p_slot NULL: it is through.
-- Whoever calls it sees to it that nobody puts rows into these slots meanwhile.
create function sharding.delete_item_page(
    p_slots smallint[], p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
declare
    slot_  smallint;
    after_ record;
    last_  record;
    count_ integer;
begin
    deleted := 0;
    if p_slot is null and not exists (select from sharding.item where slot = any (p_slots)) then
        return;
    end if;
    foreach slot_ in array p_slots loop
        continue when slot_ < p_slot;
        if slot_ is distinct from p_slot then
            p_collection := ''; p_pk := ''; p_id := ''; -- before every key: no part of one is empty
        end if;
        p_slot := slot_;
        -- The last row of this page, if the page ends within this slot.
        select i.collection, i.pk, i.id into last_ from sharding.item i
        where i.slot = slot_ and (i.collection, i.pk, i.id) > (p_collection, p_pk, p_id)
        order by i.collection, i.pk, i.id offset p_limit - deleted - 1 limit 1;
        if found then
            delete from sharding.item i
            where i.slot = slot_ and (i.collection, i.pk, i.id) > (p_collection, p_pk, p_id)
              and (i.collection, i.pk, i.id) <= (last_.collection, last_.pk, last_.id);
            get diagnostics count_ = row_count;
            deleted := deleted + count_;
            p_collection := last_.collection; p_pk := last_.pk; p_id := last_.id;
            return;
        end if;
        delete from sharding.item i
        where i.slot = slot_ and (i.collection, i.pk, i.id) > (p_collection, p_pk, p_id);
        get diagnostics count_ = row_count;
        deleted := deleted + count_;
    end loop;
    p_slot := null;
end
$$;

-- Source. Deletes a page of rows of a finished batch's slots, rechecking that they are still released by it; the row
-- locks keep a move back to here from beginning meanwhile. Slots that are not released by it any more are passed over.
create function sharding.move_clean(
    p_move_id uuid, p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
declare
    still_ours smallint[];
begin
    perform sharding.require_read_committed();
    select coalesce(array_agg(o.slot order by o.slot), '{}') into still_ours
    from (select slot from sharding.slot_ownership
          where slot in (select unnest(slots) from sharding.move where move_id = p_move_id) and move_id = p_move_id and state = 'released' and (p_slot is null or slot >= p_slot)
          order by slot for share) o;
    select * into p_slot, p_collection, p_pk, p_id, deleted
    from sharding.delete_item_page(still_ours, p_limit, p_slot, p_collection, p_pk, p_id);
end
$$;

-- Target. Deletes a page of rows that stand in the slots: residue, or what an earlier attempt copied.
create function sharding.import_purge(
    p_move_id uuid, p_attempt integer, p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
begin
    perform sharding.import_check(p_move_id, p_attempt, null);
    select * into p_slot, p_collection, p_pk, p_id, deleted
    from sharding.delete_item_page((select array(select s from sharding.move_import m, unnest(m.slots) s where m.move_id = p_move_id order by s)), p_limit, p_slot, p_collection, p_pk, p_id);
end
$$;

drop function sharding.move_clean(uuid, integer);
drop function sharding.import_purge(uuid, integer, integer);
