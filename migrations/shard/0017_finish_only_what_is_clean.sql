-- Source. As in 0007, and only when no row is left in the slots that the batch gave away. False: there is one, nothing is done.
--
-- move_clean is not waited for on disk. A source that crashed after it may have the rows back, and a mover that does not notice
-- the crash would close the journal over them. Here look and end are one transaction: what it sees deleted comes before its own
-- commit in the WAL, and is not lost without it. Slots that have come back since are not this batch's any more, nor are their rows.
drop function sharding.move_finish(uuid, text);

create function sharding.move_finish(p_move_id uuid, p_source text) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
begin
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move where move_id = p_move_id and phase = 'verified';
    if exists (select from unnest(slots_) s join sharding.slot_ownership o on o.slot = s and o.move_id = p_move_id and o.state = 'released'
               cross join lateral (select from sharding.item i where i.slot = s limit 1) left_) then
        return false;
    end if;
    insert into sharding.move_history (
        move_id, operation_id, ordinal, source, target, slots, epoch, attempts, rows_copied, bytes_copied, changes_applied, pause_ms,
        command, planned_by, started_by, started_at)
    select move_id, operation_id, ordinal, p_source, target, slots, epoch, attempt, rows_copied, bytes_copied, changes_applied, pause_ms,
           command, planned_by, started_by, created_at
    from sharding.move where move_id = p_move_id and phase = 'verified'
    on conflict (move_id) do nothing;
    delete from sharding.move where move_id = p_move_id and phase = 'verified';
    update sharding.slot_ownership o set move_id = null, attempt = 0 from unnest(slots_) s where o.slot = s and o.move_id = p_move_id;
    return true;
end
$$;
