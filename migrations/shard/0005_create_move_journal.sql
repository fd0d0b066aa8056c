-- The source's journal of moves. Each batch has one row, from its plan until its items have been deleted at the source. The journal is
-- beside the ownership that it decides about, so both change in one transaction. src/ShardCore/Moves/BatchMover.cs has the steps and the
-- argument.

-- Returns which server this is, and which of its histories it is in: the system identifier and the timeline. A promoted standby has
-- another timeline, and so has a server that was restored to a point in time. Only a primary can tell its timeline.
create function sharding.history() returns text
language sql volatile as $$
    select (select system_identifier::text from pg_control_system()) || '/'
        || case when pg_is_in_recovery() then 'standby' else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end
$$;

create table sharding.move (
    move_id         uuid        primary key,
    operation_id    uuid        not null,                  -- one for all batches that were planned together
    ordinal         integer     not null,                  -- their order in that plan
    target          text        not null,
    slots           smallint[]  not null check (cardinality(slots) between 1 and 1024), -- each is an entry in Postgres' lock table
    phase           text        not null default 'planned'
                    check (phase in ('planned', 'copying', 'frozen', 'released', 'owned', 'published', 'verified')),
    disputed        text,                                  -- why only a person may go on with the batch; NULL: nothing is wrong
    settled         text check (settled in ('source', 'target')), -- the side whose copy is right, as a person said
    wanted          text        not null default 'run' check (wanted in ('run', 'pause', 'cancel')),
    attempt         integer     not null default 0,
    attempt_in      text        not null default sharding.history(), -- the history in which it began; a failover ends the attempt
    planned_in      text        not null default sharding.history(), -- the history in which a person planned or last resumed the batch
    epoch           bigint,                                -- of the release
    version_floor   bigint,                                -- of the release: the target's versions are above it
    seal            bytea,                                 -- of the release: the target becomes the owner only if it still has this seal
    frozen_until    timestamptz,
    mover           text,                                  -- the process that works on the batch, with its own token; NULL: none
    step            text,                                  -- where the mover is, finer than the phase
    rows_copied     bigint      not null default 0,
    bytes_copied    bigint      not null default 0,
    bytes_planned   bigint      not null default 0,        -- the plan's estimate
    changes_applied bigint      not null default 0,
    lag_ms          double precision,                      -- from source to target, when last measured
    pause_ms        double precision,                      -- how long writes to these slots were held
    problem         text,                                  -- why the last attempt ended
    command         text,                                  -- the command that was typed
    planned_by      text,
    started_by      text        not null,
    created_at      timestamptz not null default now(),
    seen_at         timestamptz not null default now()     -- when a mover last worked on it
);

-- The history says what was moved, when and by whom. A line stays when the journal row goes, until move_record deletes it. People and
-- metrics read the history, and so does `ops rollback`, which moves back what it finds there. No decision of a move, or of resume, settle,
-- cancel or doctor, rests on the history: those read sharding.move.
create table sharding.move_history (
    entry bigint generated always as identity unique,      -- in the order in which the batches ended
    move_id uuid primary key, operation_id uuid not null, ordinal integer, source text not null, target text not null,
    slots smallint[] not null,
    outcome text not null default 'done' check (outcome in ('done', 'cancelled')), settled text,
    epoch bigint,                                          -- NULL: it was never released
    attempts integer not null, rows_copied bigint not null default 0, bytes_copied bigint not null, changes_applied bigint not null,
    pause_ms double precision, command text, planned_by text,
    started_by text not null, started_at timestamptz not null, ended_at timestamptz not null default clock_timestamp()
);

-- A move and the deletion of a collection exclude each other: the second of them at a shard is refused. Both take this lock, look for the
-- other, and then write a row that says that they have begun; the lock lasts to the end of that transaction. The row survives a restart of
-- the shard. A lock that a session holds would not.
create function sharding.lock_plans() returns void
language sql volatile as $$ select pg_advisory_xact_lock(1397247812, 0) $$;

-- Source. Writes a planned batch into the journal. Raises SH014 if a collection is being deleted or a unique index is being made, and SH015 if hand-overs are held for a
-- backup point.
create function sharding.move_add(
    p_move_id uuid, p_operation_id uuid, p_ordinal integer, p_target text, p_slots smallint[], p_bytes bigint,
    p_command text, p_by text) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform sharding.lock_plans();
    if exists (select from sharding.collection where dropped_at is not null) then
        raise exception using errcode = 'SH014', message = format('collection %s is being deleted',
            (select min(name) from sharding.collection where dropped_at is not null));
    end if;
    -- A shard that has a unique index already could not take all rows of a shard that has not.
    if exists (select from sharding.item_index where is_unique and state not in ('ready', 'failed', 'dropped')) then
        raise exception using errcode = 'SH014', message = (select format('the unique index %s of the collection %s is being made or dropped',
            i.name, i.collection) from sharding.item_index i where i.is_unique and i.state not in ('ready', 'failed', 'dropped') limit 1);
    end if;
    insert into sharding.move (move_id, operation_id, ordinal, target, slots, bytes_planned, command, planned_by, started_by)
    values (p_move_id, p_operation_id, p_ordinal, p_target, p_slots, p_bytes, p_command, p_by, p_by);
end
$$;

-- Creates a collection in this shard. p_by is who wants it, for the audit log. Returns created, existed, or being_deleted: then nothing was
-- changed.
create function sharding.collection_create(p_name text, p_by text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('sharding.by', p_by, true);
    insert into sharding.collection (name) values (p_name) on conflict (name) do nothing;
    if found then
        return 'created';
    end if;
    return case when exists (select from sharding.collection where name = p_name and dropped_at is not null)
                then 'being_deleted' else 'existed' end;
end
$$;

-- Marks a collection as being deleted: from then on no write to it is accepted. Raises SH014 if a batch is in the journal. Returns true if
-- the collection is marked now, and false if this shard has no such collection.
create function sharding.collection_mark(p_name text) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform sharding.lock_plans();
    if exists (select from sharding.move) then
        raise exception using errcode = 'SH014', message = format('operation %s moves slots',
            (select operation_id from sharding.move limit 1));
    end if;
    update sharding.collection set dropped_at = coalesce(dropped_at, now()) where name = p_name;
    return found;
end
$$;

-- Deletes the definition of a collection that is marked, and with it its partition and its items, in one transaction: a restart or a
-- failover leaves all of it or nothing. Returns false and does nothing if the mark is missing, because this shard went back to an earlier
-- state since; then the deletion has to begin again. Returns true also if the definition is gone already. Raises lock_not_available if
-- somebody uses the table just now; the caller tries again.
create function sharding.collection_forget(p_name text) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    if exists (select from sharding.collection where name = p_name and dropped_at is null) then
        return false;
    end if;
    delete from sharding.collection where name = p_name;
    return true;
end
$$;

-- Source. A mover claims a batch: from now on its reports count, and those of the mover before it do not. Before the release the new
-- attempt copies everything again, so the counters begin at 0; after the release they stay.
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

-- Source. Takes the report of the mover that has claimed the batch, and returns what people want of the batch: run, pause or cancel.
-- "gone": the batch is not in the journal any more. "lost": another mover has claimed it.
create function sharding.move_report(
    p_move_id uuid, p_mover text, p_step text, p_rows bigint, p_bytes bigint, p_changes bigint, p_lag_ms double precision) returns text
language plpgsql volatile as $$
declare
    wish text;
begin
    update sharding.move
    set step = p_step, lag_ms = p_lag_ms, seen_at = clock_timestamp(),
        rows_copied = greatest(rows_copied, p_rows), bytes_copied = greatest(bytes_copied, p_bytes),
        changes_applied = greatest(changes_applied, p_changes)
    where move_id = p_move_id and mover = p_mover
    returning wanted into wish;
    return coalesce(wish, (select 'lost' from sharding.move where move_id = p_move_id), 'gone');
end
$$;

-- Source. Copies the journal row into the history; the caller then deletes the row. The history keeps its last 20,000 batches. That is
-- more than one operation can have: at most 16,384 batches, if it moves each slot alone. An operation that still has a batch in this
-- shard's journal keeps all of its lines.
create function sharding.move_record(p_move_id uuid, p_outcome text) returns void
language sql volatile as $$
    insert into sharding.move_history (
        move_id, operation_id, ordinal, source, target, slots, outcome, settled, epoch, attempts,
        rows_copied, bytes_copied, changes_applied, pause_ms, command, planned_by, started_by, started_at)
    select move_id, operation_id, ordinal, coalesce((select shard_id from sharding.cluster), ''), target, slots, p_outcome,
           settled, epoch, attempt, rows_copied, bytes_copied, changes_applied, pause_ms, command, planned_by, started_by, created_at
    from sharding.move where move_id = p_move_id
    on conflict (move_id) do nothing;

    delete from sharding.move_history
    where entry <= (select max(entry) - 20000 from sharding.move_history) and operation_id not in (select operation_id from sharding.move);
$$;

-- Returns which of the standbys that stream from this shard do not have everything up to p_lsn on their disks. p_lsn NULL: up to what is
-- durable here now. behind NULL: all standbys have it, or there are none. Clients of logical replication are not standbys, and neither are
-- Postgres' own tools that only store WAL: they cannot take over. A standby that connected a moment ago has not said yet what it has
-- flushed, and counts as behind. If synchronous_standby_names is set, at least one synchronous standby must have it: that no standby is
-- there is then no confirmation. Postgres tells only users with the rights of pg_monitor how far a standby is behind.
create function sharding.standbys_behind(p_lsn pg_lsn, out lsn pg_lsn, out behind text)
language plpgsql volatile as $$
begin
    lsn := coalesce(p_lsn, pg_current_wal_flush_lsn());
    -- Writers wait for this call, and planning the views below takes longer than a commit. So the functions behind the views are asked
    -- first: mostly no standby is behind.
    if current_setting('synchronous_standby_names') = '' and not exists (
        select from pg_stat_get_wal_senders() w
        where (w.state is null or (w.state in ('streaming', 'catchup') and coalesce(w.flush_lsn < lsn, true)))
          and not exists (select from pg_get_replication_slots() s where s.active_pid = w.pid and s.slot_type = 'logical')) then
        return;
    end if;
    select nullif(concat_ws(', ',
        (select string_agg(format('%s (%s)', coalesce(nullif(r.application_name, ''), r.client_addr::text, 'unnamed'),
                     case when r.state is null then 'this user may not see how far the standby is: grant pg_monitor to this user'
                          else coalesce(pg_size_pretty(pg_wal_lsn_diff(lsn, r.flush_lsn)) || ' behind',
                                        'has not said yet what it has on its disk') end), ', ')
         from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
         where s.slot_type is distinct from 'logical'
           and r.application_name not in ('pg_receivewal', 'pg_basebackup')
           and (r.state is null or (r.state in ('streaming', 'catchup') and coalesce(r.flush_lsn < lsn, true)))),
        case when current_setting('synchronous_standby_names') <> ''
                  and not exists (select from pg_stat_replication where sync_state in ('sync', 'quorum') and flush_lsn >= lsn)
             then 'no synchronous standby, although synchronous_standby_names wants one' end), '') into behind;
end
$$;
