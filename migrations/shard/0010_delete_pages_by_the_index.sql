-- As in 0008, and by the key's index whatever the planner believes: at the target the table is being filled just now, and a
-- plan from when it was small would read all of it for each page, or for each look whether there is anything at all.
create or replace function sharding.delete_item_page(
    p_slots smallint[], p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile set enable_seqscan = off as $$
declare
    slot_  smallint;
    last_  record;
    count_ integer;
begin
    deleted := 0;
    if p_slot is null and not exists (
        select from unnest(p_slots) asked (slot) cross join lateral (select from sharding.item i where i.slot = asked.slot limit 1) any_) then
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
