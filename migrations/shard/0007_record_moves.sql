-- What people see of a move: reported about once a second by the process that works on it, kept when it is over.

alter table sharding.move
    add column mover         text,                      -- the process that works on it, with a token of its own; null: nobody does
    add column step          text,                      -- what it is at, finer than the phase
    add column rows_copied   bigint not null default 0,
    add column lag_ms        double precision,          -- from source to target, when last measured
    add column bytes_planned bigint not null default 0, -- the plan's estimate
    add column planned_by    text,
    add column command       text;                      -- what was typed

alter table sharding.move_history
    alter column epoch drop not null,                   -- a cancelled batch was never released
    add column outcome     text not null default 'done' check (outcome in ('done', 'cancelled')),
    add column ordinal     integer,
    add column rows_copied bigint not null default 0,
    add column planned_by  text,
    add column command     text;

-- Source. A mover takes a batch in hand: from now on its reports count and those of the one before do not. What an
-- earlier attempt copied is copied again, so the counters begin anew; after the release they stay.
create function sharding.move_claim(p_move_id uuid, p_mover text) returns text
language sql volatile as $$
    update sharding.move
    set mover = p_mover, step = null, lag_ms = null, problem = null, seen_at = clock_timestamp(),
        rows_copied     = case when phase in ('planned', 'copying', 'frozen') then 0 else rows_copied end,
        bytes_copied    = case when phase in ('planned', 'copying', 'frozen') then 0 else bytes_copied end,
        changes_applied = case when phase in ('planned', 'copying', 'frozen') then 0 else changes_applied end
    where move_id = p_move_id
    returning wanted;
$$;

-- Source. The report of the mover that has the batch in hand, with what is wanted of it as the answer. "gone": the batch
-- is not in the journal any more. "lost": another mover has it.
create function sharding.move_report(
    p_move_id uuid, p_mover text, p_step text, p_rows bigint, p_bytes bigint, p_changes bigint, p_lag_ms double precision) returns text
language plpgsql volatile as $$
declare
    wish text;
begin
    update sharding.move
    set step = p_step, lag_ms = p_lag_ms, seen_at = clock_timestamp(),
        rows_copied = greatest(rows_copied, p_rows), bytes_copied = greatest(bytes_copied, p_bytes), changes_applied = greatest(changes_applied, p_changes)
    where move_id = p_move_id and mover = p_mover
    returning wanted into wish;
    return coalesce(wish, (select 'lost' from sharding.move where move_id = p_move_id), 'gone');
end
$$;

-- As in 0005, with the columns of above.
create or replace function sharding.move_finish(p_move_id uuid, p_source text) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    insert into sharding.move_history (
        move_id, operation_id, ordinal, source, target, slots, epoch, attempts, rows_copied, bytes_copied, changes_applied, pause_ms,
        command, planned_by, started_by, started_at)
    select move_id, operation_id, ordinal, p_source, target, slots, epoch, attempt, rows_copied, bytes_copied, changes_applied, pause_ms,
           command, planned_by, started_by, created_at
    from sharding.move where move_id = p_move_id and phase = 'verified'
    on conflict (move_id) do nothing;
    delete from sharding.move where move_id = p_move_id and phase = 'verified';
    update sharding.slot_ownership set move_id = null, attempt = 0 where move_id = p_move_id;
end
$$;

-- As in 0006, and a cancelled batch leaves a line in the history too.
create or replace function sharding.move_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'copying' for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null where move_id = p_move_id and state in ('owned', 'frozen');
    insert into sharding.move_history (
        move_id, operation_id, ordinal, source, target, slots, attempts, rows_copied, bytes_copied, changes_applied,
        command, planned_by, started_by, started_at, outcome)
    select move_id, operation_id, ordinal, coalesce((select shard_id from sharding.cluster), ''), target, slots, attempt, rows_copied, bytes_copied, changes_applied,
           command, planned_by, started_by, created_at, 'cancelled'
    from sharding.move where move_id = p_move_id
    on conflict (move_id) do nothing;
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;
