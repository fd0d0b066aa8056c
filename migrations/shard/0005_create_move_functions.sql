-- Moves: taking slots from the shard that owns them (the source) to another (the target) while both serve.
-- The steps and the argument for their safety are in src/ShardCore/Moves/BatchMover.cs; here is what makes them hold
-- whoever calls them: every change is a compare-and-set on (move_id, attempt) and on the phase, under the row lock of
-- the source's journal row, which is the single decision point.

-- The source's journal: one row a batch, from the plan on.
create table sharding.move (
    move_id      uuid        primary key,
    operation_id uuid        not null,                  -- the batches that were planned together
    ordinal      integer     not null,                  -- their order
    target       text        not null,
    slots        smallint[]  not null check (cardinality(slots) between 1 and 256),
    phase        text        not null default 'planned'
                 check (phase in ('planned', 'copying', 'frozen', 'released', 'owned', 'published', 'verified')),
    wanted       text        not null default 'run' check (wanted in ('run', 'pause', 'cancel')),
    attempt      integer     not null default 0,
    epoch        bigint,                                -- of the release
    version_floor bigint,                               -- of the release: the target's versions are above it
    frozen_until timestamptz,
    bytes_copied bigint      not null default 0,
    changes_applied bigint   not null default 0,
    pause_ms     double precision,                      -- how long writes to these slots were held
    problem      text,                                  -- why the last attempt ended
    started_by   text        not null,
    created_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now()     -- when a mover last worked on it
);

-- The target's side of it.
create table sharding.move_import (
    move_id     uuid       primary key,
    source      text       not null,
    slots       smallint[] not null,
    attempt     integer    not null,
    applied_lsn pg_lsn                                  -- of the source: changes up to here are in this database
);

-- What was moved, when, by whom: stays when the journal is cleared.
create table sharding.move_history (
    move_id uuid primary key, operation_id uuid not null, source text not null, target text not null, slots smallint[] not null,
    epoch bigint not null, attempts integer not null, bytes_copied bigint not null, changes_applied bigint not null,
    pause_ms double precision, started_by text not null, started_at timestamptz not null, ended_at timestamptz not null default clock_timestamp()
);

create function sharding.require_read_committed() returns void
language plpgsql stable as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'this function needs READ COMMITTED';
    end if;
end
$$;

-- Source. Starts the next attempt of a batch and with it ends every earlier one: whoever still works on those fails at
-- its next compare-and-set. Also thaws what an earlier attempt froze, if its deadline has passed (or p_force: the caller
-- knows that nobody else works on it). Returns the new attempt; SH010 when the batch is not to be had.
create function sharding.move_begin(p_move_id uuid, p_by text, p_force boolean) returns integer
language plpgsql volatile as $$
declare
    batch sharding.move;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase = 'frozen' and (p_force or batch.frozen_until < clock_timestamp()) then
        perform sharding.thaw(p_move_id);
    elsif batch.phase is null or batch.phase not in ('planned', 'copying') then
        raise exception using errcode = 'SH010', message = format('batch %s is in phase %s', p_move_id, coalesce(batch.phase, 'none'));
    end if;
    if exists (select from unnest(batch.slots) s left join sharding.slot_ownership o on o.slot = s
               where o.state is distinct from 'owned' or (o.move_id is not null and o.move_id <> p_move_id)) then
        raise exception using errcode = 'SH010', message = format('batch %s: a slot is not owned here, or another move has it', p_move_id);
    end if;
    update sharding.slot_ownership set move_id = p_move_id, attempt = batch.attempt + 1 where slot = any (batch.slots);
    update sharding.move set phase = 'copying', attempt = batch.attempt + 1, frozen_until = null, started_by = p_by, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return batch.attempt + 1;
end
$$;

-- Source. Holds the journal row until the end of the transaction, so that what is made in it (a publication) is made by the
-- current attempt: a later one begins, and clears away, after it. SH011: the attempt is over.
create function sharding.move_require(p_move_id uuid, p_attempt integer) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'copying' for update;
    if not found then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
end
$$;

-- Source. frozen → owned. The caller holds the journal row's lock. Needs no slot lock: writers become allowed, none is
-- let through that was not before; the release, which must not follow, is a compare-and-set on the phase.
create function sharding.thaw(p_move_id uuid) returns void
language sql volatile as $$
    update sharding.slot_ownership set state = 'owned', frozen_until = null where move_id = p_move_id and state = 'frozen';
    update sharding.move set phase = 'copying', frozen_until = null where move_id = p_move_id;
$$;

-- Source. owned → frozen, and a marker in the WAL behind every write that these slots have ever taken here. The caller
-- sets lock_timeout, and gives each freeze a marker of its own: one of an earlier freeze, given up since, proves nothing.
-- The three statements must stay three and in this order: the locks wait for writers that are inside,
-- the check then sees what they and everybody else committed, and the marker's commit is behind theirs.
create function sharding.move_freeze(p_move_id uuid, p_attempt integer, p_seconds double precision, p_marker text) returns void
language plpgsql volatile as $$
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
    update sharding.slot_ownership set state = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second'
    where slot = any (batch.slots) and state = 'owned' and move_id = p_move_id;
    update sharding.move set phase = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second', seen_at = clock_timestamp()
    where move_id = p_move_id;
    perform pg_logical_emit_message(true, 'sharding-marker', p_marker);
end
$$;

-- Source. Gives a freeze up: the same attempt goes on copying changes. False: the attempt is over.
create function sharding.move_unfreeze(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'frozen' for update;
    if not found then
        return false;
    end if;
    perform sharding.thaw(p_move_id);
    return true;
end
$$;

-- Source. A write met a frozen slot whose deadline has passed: the mover is dead or asleep. Ends its attempt and thaws,
-- so that no slot stays frozen for want of a process. Safe at any clock: the sleeper's release fails on its attempt.
create function sharding.thaw_if_expired(p_slot smallint) returns boolean
language plpgsql volatile as $$
declare
    batch_id uuid;
begin
    perform sharding.require_read_committed();
    select m.move_id into batch_id
    from sharding.slot_ownership o join sharding.move m on m.move_id = o.move_id
    where o.slot = p_slot and o.state = 'frozen' and m.phase = 'frozen' and m.frozen_until < clock_timestamp();
    if batch_id is null then
        return false;
    end if;
    perform from sharding.move where move_id = batch_id and phase = 'frozen' and frozen_until < clock_timestamp() for update;
    if not found then
        return false; -- released or thawed while we waited for its row
    end if;
    perform sharding.thaw(batch_id);
    update sharding.move set attempt = attempt + 1, problem = 'the freeze outlived its deadline; a write thawed it' where move_id = batch_id;
    return true;
end
$$;

-- Source. The point of no return: frozen → released. Fails (SH011) when anybody has thawed or begun anew.
create function sharding.move_release(p_move_id uuid, p_attempt integer, p_epoch bigint) returns bigint
language plpgsql volatile as $$
declare
    batch sharding.move;
    floor_ bigint;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'frozen' or batch.attempt <> p_attempt then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    select greatest(max(version_floor), (extract(epoch from clock_timestamp()) * 1000000)::bigint) into floor_
    from sharding.slot_ownership where slot = any (batch.slots);
    update sharding.slot_ownership set state = 'released', peer = batch.target, epoch = p_epoch, frozen_until = null
    where slot = any (batch.slots) and state = 'frozen' and move_id = p_move_id;
    if (select count(*) from sharding.slot_ownership where slot = any (batch.slots) and state = 'released' and move_id = p_move_id) <> cardinality(batch.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots were frozen', p_move_id);
    end if;
    update sharding.move set phase = 'released', epoch = p_epoch, version_floor = floor_, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return floor_;
end
$$;

-- Source, after the release: forward only. False when the batch is not in the phase before.
create function sharding.move_advance(p_move_id uuid, p_from text, p_to text) returns boolean
language plpgsql volatile as $$
begin
    if (p_from, p_to) not in (('released', 'owned'), ('owned', 'published'), ('published', 'verified')) then
        raise exception using errcode = 'SH012', message = format('%s → %s is no step of a move', p_from, p_to);
    end if;
    update sharding.move set phase = p_to, seen_at = clock_timestamp() where move_id = p_move_id and phase = p_from;
    return found;
end
$$;

-- Source. Deletes up to p_limit rows of a finished batch's slots, rechecking that they are still released by it; the row
-- locks keep a move back to here from beginning meanwhile. Returns how many.
create function sharding.move_clean(p_move_id uuid, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    still_ours smallint[];
    deleted integer;
begin
    perform sharding.require_read_committed();
    select array_agg(o.slot) into still_ours
    from (select slot from sharding.slot_ownership where move_id = p_move_id and state = 'released' order by slot for share) o;
    delete from sharding.item i
    using (select slot, collection, pk, id from sharding.item where slot = any (still_ours) limit p_limit) gone
    where i.slot = gone.slot and i.collection = gone.collection and i.pk = gone.pk and i.id = gone.id;
    get diagnostics deleted = row_count;
    return deleted;
end
$$;

-- Source. The journal row of a cleaned batch becomes history, and its slots are free for other moves.
create function sharding.move_finish(p_move_id uuid, p_source text) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    insert into sharding.move_history
    select move_id, operation_id, p_source, target, slots, epoch, attempt, bytes_copied, changes_applied, pause_ms, started_by, created_at
    from sharding.move where move_id = p_move_id and phase = 'verified'
    on conflict (move_id) do nothing;
    delete from sharding.move where move_id = p_move_id and phase = 'verified';
    update sharding.slot_ownership set move_id = null, attempt = 0 where move_id = p_move_id;
end
$$;

-- Source. Takes a batch that has not been released out of the journal; ends whatever attempt runs.
create function sharding.move_cancel(p_move_id uuid) returns boolean
language plpgsql volatile as $$
declare
    batch sharding.move;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is null or batch.phase not in ('planned', 'copying', 'frozen') then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null where move_id = p_move_id and state in ('owned', 'frozen');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- Target. Takes the batch in for this attempt and ends every earlier one here too. SH010 when a slot is served here or
-- another move brings it.
create function sharding.import_begin(p_move_id uuid, p_attempt integer, p_source text, p_slots smallint[], p_epoch bigint) returns void
language plpgsql volatile as $$
declare
    known integer;
begin
    perform sharding.require_read_committed();
    perform from sharding.slot_ownership where slot = any (p_slots) order by slot for update; -- waits for a cleaner
    if exists (select from sharding.slot_ownership
               where slot = any (p_slots) and (state in ('owned', 'frozen') or (state = 'importing' and move_id <> p_move_id))) then
        raise exception using errcode = 'SH010', message = format('batch %s: a slot is served here already, or another move brings it', p_move_id);
    end if;
    insert into sharding.move_import (move_id, source, slots, attempt) values (p_move_id, p_source, p_slots, p_attempt)
    on conflict (move_id) do update set attempt = excluded.attempt, applied_lsn = null where move_import.attempt < excluded.attempt
    returning attempt into known;
    if known is null then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    insert into sharding.slot_ownership (slot, state, epoch, move_id, attempt, peer)
    select s, 'importing', p_epoch, p_move_id, p_attempt, p_source from unnest(p_slots) s
    on conflict (slot) do update
        set state = 'importing', move_id = excluded.move_id, attempt = excluded.attempt, peer = excluded.peer, frozen_until = null;
end
$$;

-- Target. Deletes up to p_limit rows that stand in the slots: residue, or what an earlier attempt copied.
create function sharding.import_purge(p_move_id uuid, p_attempt integer, p_limit integer) returns integer
language plpgsql volatile as $$
declare
    deleted integer;
begin
    perform sharding.import_check(p_move_id, p_attempt, null);
    delete from sharding.item i
    using (select item.slot, item.collection, item.pk, item.id from sharding.item, sharding.move_import m
           where m.move_id = p_move_id and item.slot = any (m.slots) limit p_limit) gone
    where i.slot = gone.slot and i.collection = gone.collection and i.pk = gone.pk and i.id = gone.id;
    get diagnostics deleted = row_count;
    return deleted;
end
$$;

-- Target. The last statement of every transaction that brings rows: holds the import's row until the commit, so that a
-- later attempt's begin, and with it its purge, comes wholly before or wholly after. SH011: the attempt is over.
create function sharding.import_check(p_move_id uuid, p_attempt integer, p_applied_lsn pg_lsn) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    update sharding.move_import set applied_lsn = coalesce(p_applied_lsn, applied_lsn) where move_id = p_move_id and attempt = p_attempt;
    if not found then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
end
$$;

-- Target. importing → owned. Only for the attempt that was released, which the source tells. True also when it is done already.
create function sharding.import_own(p_move_id uuid, p_attempt integer, p_epoch bigint, p_version_floor bigint) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move_import where move_id = p_move_id and attempt = p_attempt for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership
    set state = 'owned', epoch = p_epoch, peer = null, version_floor = greatest(version_floor, p_version_floor), move_id = null, attempt = 0
    where move_id = p_move_id and state = 'importing';
    return true;
end
$$;

-- Target. The import is over: owned for good, or cancelled at the source. Slots still importing are given up.
create function sharding.import_finish(p_move_id uuid) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    delete from sharding.slot_ownership where move_id = p_move_id and state = 'importing';
    delete from sharding.move_import where move_id = p_move_id;
end
$$;
