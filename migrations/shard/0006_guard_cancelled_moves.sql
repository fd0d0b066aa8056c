-- Two corrections to 0005.

-- Cancelling ends only the attempt that it began itself. Without the attempt a canceller that slept while another mover
-- began anew, copied and released would take the import away from under that release: the source had given the slots
-- away, the target did not know them, and nobody served them.
create function sharding.import_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move_import where move_id = p_move_id and attempt = p_attempt for update;
    if not found then
        return false;
    end if;
    perform sharding.import_finish(p_move_id);
    return true;
end
$$;

drop function sharding.move_cancel(uuid);

create function sharding.move_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'copying' for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null where move_id = p_move_id and state in ('owned', 'frozen');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- The release's epoch is above every epoch that these slots had here, whatever the ring in Redis says: of two releases
-- of a slot the later is the one that counts, and it is told by its epoch. A Redis that was set back proposes one that is
-- too low.
create or replace function sharding.move_release(p_move_id uuid, p_attempt integer, p_epoch bigint) returns bigint
language plpgsql volatile as $$
declare
    batch sharding.move;
    epoch_ bigint;
    floor_ bigint;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'frozen' or batch.attempt <> p_attempt then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    select greatest(max(version_floor), (extract(epoch from clock_timestamp()) * 1000000)::bigint), greatest(max(epoch) + 1, p_epoch) into floor_, epoch_
    from sharding.slot_ownership where slot = any (batch.slots);
    update sharding.slot_ownership set state = 'released', peer = batch.target, epoch = epoch_, frozen_until = null
    where slot = any (batch.slots) and state = 'frozen' and move_id = p_move_id;
    if (select count(*) from sharding.slot_ownership where slot = any (batch.slots) and state = 'released' and move_id = p_move_id) <> cardinality(batch.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots were frozen', p_move_id);
    end if;
    update sharding.move set phase = 'released', epoch = epoch_, version_floor = floor_, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return floor_;
end
$$;
