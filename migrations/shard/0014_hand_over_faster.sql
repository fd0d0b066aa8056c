-- The three steps of a hand-over during which nobody takes writes to its slots, with less work in them: rows of slots are found
-- one by one through the index, where a list of 256 slots was planned anew each time and compared with every slot of the shard;
-- and what an update touched is counted by the update. What each step checks and does is as it was.

create or replace function sharding.move_freeze(p_move_id uuid, p_attempt integer, p_seconds double precision, p_marker text) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
begin
    perform sharding.require_read_committed();
    perform pg_advisory_xact_lock(1397246027, s.slot)
    from (select unnest(slots)::integer as slot from sharding.move where move_id = p_move_id order by 1) s;
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'copying' or batch.attempt <> p_attempt then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    update sharding.slot_ownership o set state = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second'
    from unnest(batch.slots) s where o.slot = s and o.state = 'owned' and o.move_id = p_move_id;
    update sharding.move set phase = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second', seen_at = clock_timestamp()
    where move_id = p_move_id;
    perform pg_logical_emit_message(true, 'sharding-marker', p_marker);
end
$$;

create or replace function sharding.move_release(p_move_id uuid, p_attempt integer, p_epoch bigint) returns bigint
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
    epoch_ bigint;
    floor_ bigint;
    released integer;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'frozen' or batch.attempt <> p_attempt then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    select greatest(max(o.version_floor), (extract(epoch from clock_timestamp()) * 1000000)::bigint), greatest(max(o.epoch) + 1, p_epoch) into floor_, epoch_
    from unnest(batch.slots) s join sharding.slot_ownership o on o.slot = s;
    update sharding.slot_ownership o set state = 'released', peer = batch.target, epoch = epoch_, frozen_until = null
    from unnest(batch.slots) s where o.slot = s and o.state = 'frozen' and o.move_id = p_move_id;
    get diagnostics released = row_count;
    if released <> cardinality(batch.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots were frozen', p_move_id);
    end if;
    update sharding.move set phase = 'released', epoch = epoch_, version_floor = floor_, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return floor_;
end
$$;

create or replace function sharding.import_own(p_move_id uuid, p_attempt integer, p_epoch bigint, p_version_floor bigint) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
begin
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move_import where move_id = p_move_id and attempt = p_attempt for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership o
    set state = 'owned', epoch = p_epoch, peer = null, version_floor = greatest(o.version_floor, p_version_floor), move_id = null, attempt = 0
    from unnest(slots_) s where o.slot = s and o.move_id = p_move_id and o.state = 'importing';
    return true;
end
$$;
