-- The source's journal of moves: one row a batch, from the plan until its rows have been deleted at the source. It stands beside the
-- ownership that it decides about, so both change in one transaction. src/ShardCore/Moves/BatchMover.cs has the steps and the argument.

-- Which server this is and which of its histories: the system identifier and the timeline. A promoted standby and a server that was
-- restored to a point in time have another timeline. Only a primary can tell.
create function sharding.history() returns text
language sql volatile as $$
    select (select system_identifier::text from pg_control_system()) || '/'
        || case when pg_is_in_recovery() then 'standby' else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end
$$;

create table sharding.move (
    move_id         uuid        primary key,
    operation_id    uuid        not null,                  -- the batches that were planned together
    ordinal         integer     not null,                  -- their order
    target          text        not null,
    slots           smallint[]  not null check (cardinality(slots) between 1 and 1024), -- each is an entry in Postgres' lock table
    phase           text        not null default 'planned'
                    check (phase in ('planned', 'copying', 'frozen', 'released', 'owned', 'published', 'verified')),
    disputed        text,                                  -- why only a person may go on with it; NULL: nothing is wrong
    settled         text check (settled in ('source', 'target')), -- whose copy a person said is right
    wanted          text        not null default 'run' check (wanted in ('run', 'pause', 'cancel')),
    attempt         integer     not null default 0,
    attempt_in      text        not null default sharding.history(), -- in which it was begun; it ends when this shard fails over
    planned_in      text        not null default sharding.history(), -- of this shard, when it was planned or last resumed by a person
    epoch           bigint,                                -- of the release
    version_floor   bigint,                                -- of the release: the target's versions are above it
    seal            bytea,                                 -- of the release: the target owns only if it still has it
    frozen_until    timestamptz,
    mover           text,                                  -- the process that works on it, with a token of its own; NULL: nobody does
    step            text,                                  -- what it is at, finer than the phase
    rows_copied     bigint      not null default 0,
    bytes_copied    bigint      not null default 0,
    bytes_planned   bigint      not null default 0,        -- the plan's estimate
    changes_applied bigint      not null default 0,
    lag_ms          double precision,                      -- from source to target, when last measured
    pause_ms        double precision,                      -- how long writes to these slots were held
    problem         text,                                  -- why the last attempt ended
    command         text,                                  -- what was typed
    planned_by      text,
    started_by      text        not null,
    created_at      timestamptz not null default now(),
    seen_at         timestamptz not null default now()     -- when a mover last worked on it
);

-- What was moved, when, by whom: stays when the journal row goes, until move_record deletes it. People and metrics read it, and
-- ops rollback, which takes back what it finds. No decision of a move, of resume, settle, cancel or doctor rests on it: those read sharding.move.
create table sharding.move_history (
    entry bigint generated always as identity unique,      -- in the order of their ends
    move_id uuid primary key, operation_id uuid not null, ordinal integer, source text not null, target text not null, slots smallint[] not null,
    outcome text not null default 'done' check (outcome in ('done', 'cancelled')), settled text,
    epoch bigint,                                          -- NULL: it was never released
    attempts integer not null, rows_copied bigint not null default 0, bytes_copied bigint not null, changes_applied bigint not null,
    pause_ms double precision, command text, planned_by text,
    started_by text not null, started_at timestamptz not null, ended_at timestamptz not null default clock_timestamp()
);

-- A move and the deletion of a collection exclude each other: whoever comes second at a shard is refused. Both take this lock to the
-- end of the transaction in which they look for the other and then write down that they have begun. What is written down survives a
-- restart of the shard; a lock that a session holds does not.
create function sharding.lock_plans() returns void
language sql volatile as $$ select pg_advisory_xact_lock(1397247812, 0) $$;

-- Source. Writes a planned batch down. SH014: a collection is being deleted. SH015: hand-overs are held for a backup point.
create function sharding.move_add(
    p_move_id uuid, p_operation_id uuid, p_ordinal integer, p_target text, p_slots smallint[], p_bytes bigint, p_command text, p_by text) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform sharding.lock_plans();
    if exists (select from sharding.collection where dropped_at is not null) then
        raise exception using errcode = 'SH014', message = format('collection %s is being deleted', (select min(name) from sharding.collection where dropped_at is not null));
    end if;
    insert into sharding.move (move_id, operation_id, ordinal, target, slots, bytes_planned, command, planned_by, started_by)
    values (p_move_id, p_operation_id, p_ordinal, p_target, p_slots, p_bytes, p_command, p_by, p_by);
end
$$;

-- Marks a collection as being deleted: from then on no write to it is accepted. SH014: a batch stands in the journal. Returns whether
-- the mark stands now; false: there is no such collection here.
create function sharding.collection_mark(p_name text) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform sharding.lock_plans();
    if exists (select from sharding.move) then
        raise exception using errcode = 'SH014', message = format('operation %s moves slots', (select operation_id from sharding.move limit 1));
    end if;
    update sharding.collection set dropped_at = coalesce(dropped_at, now()) where name = p_name;
    return found;
end
$$;

-- Deletes the definition of a collection that is marked and has no rows left. False: the mark or the rows say otherwise, because this
-- shard went back to an earlier state since; nothing is done, and the deletion has to begin anew. True also when it is gone already.
create function sharding.collection_forget(p_name text) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    if exists (select from sharding.collection where name = p_name and dropped_at is null)
       or exists (select from generate_series(0, 16383) s cross join lateral (select from sharding.item i where i.slot = s::smallint and i.collection = p_name limit 1) left_) then
        return false;
    end if;
    delete from sharding.collection where name = p_name;
    return true;
end
$$;

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

-- Source. The journal row becomes a line of the history; the caller deletes it. The history keeps its last 20,000 batches: more than one
-- operation can have, which moves 16,384 slots one by one at most. An operation of which a batch stands in this shard's journal keeps all
-- of its lines.
create function sharding.move_record(p_move_id uuid, p_outcome text) returns void
language sql volatile as $$
    insert into sharding.move_history (
        move_id, operation_id, ordinal, source, target, slots, outcome, settled, epoch, attempts, rows_copied, bytes_copied, changes_applied, pause_ms,
        command, planned_by, started_by, started_at)
    select move_id, operation_id, ordinal, coalesce((select shard_id from sharding.cluster), ''), target, slots, p_outcome, settled, epoch, attempt,
           rows_copied, bytes_copied, changes_applied, pause_ms, command, planned_by, started_by, created_at
    from sharding.move where move_id = p_move_id
    on conflict (move_id) do nothing;

    delete from sharding.move_history
    where entry <= (select max(entry) - 20000 from sharding.move_history) and operation_id not in (select operation_id from sharding.move);
$$;

-- Which standbys that stream from this shard do not have everything up to p_lsn on their disks; NULL: up to what is durable here now.
-- behind NULL: all have it, or there are none. Readers of logical changes are no standbys, nor are Postgres' own tools that only store
-- WAL: they cannot take over. A standby that connected a moment ago has not said yet what it has flushed, and counts as behind.
-- Where synchronous standbys are wanted and none has it, no standby at all is no confirmation. How far a standby is behind is only told
-- to users with the rights of pg_monitor.
create function sharding.standbys_behind(p_lsn pg_lsn, out lsn pg_lsn, out behind text)
language plpgsql volatile as $$
begin
    lsn := coalesce(p_lsn, pg_current_wal_flush_lsn());
    -- Writers wait meanwhile, and planning the views below takes longer than a commit. So first their functions: mostly nobody is behind.
    if current_setting('synchronous_standby_names') = '' and not exists (
        select from pg_stat_get_wal_senders() w
        where (w.state is null or (w.state in ('streaming', 'catchup') and coalesce(w.flush_lsn < lsn, true)))
          and not exists (select from pg_get_replication_slots() s where s.active_pid = w.pid and s.slot_type = 'logical')) then
        return;
    end if;
    select nullif(concat_ws(', ',
        (select string_agg(format('%s (%s)', coalesce(nullif(r.application_name, ''), r.client_addr::text, 'unnamed'),
                     case when r.state is null then 'this user may not see how far it is: grant pg_monitor to it'
                          else coalesce(pg_size_pretty(pg_wal_lsn_diff(lsn, r.flush_lsn)) || ' behind', 'has not said yet what it has') end), ', ')
         from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
         where s.slot_type is distinct from 'logical'
           and r.application_name not in ('pg_receivewal', 'pg_basebackup')
           and (r.state is null or (r.state in ('streaming', 'catchup') and coalesce(r.flush_lsn < lsn, true)))),
        case when current_setting('synchronous_standby_names') <> ''
                  and not exists (select from pg_stat_replication where sync_state in ('sync', 'quorum') and flush_lsn >= lsn)
             then 'no synchronous standby, of which synchronous_standby_names wants one' end), '') into behind;
end
$$;
