-- Moves, the source's side: taking slots from the shard that owns them (the source) to another (the target) while both serve.
-- The steps and the argument for their safety are in src/ShardCore/Moves/BatchMover.cs; here is what makes them hold
-- whoever calls them: every change is a compare-and-set on (move_id, attempt) and on the phase, under the row lock of
-- the source's journal row, which is the single decision point. A disputed batch is changed only by move_settle and move_take_back.
--
-- Rows of slots are found one by one through the index: a list of 256 slots is planned anew each time, and compared with every slot.

create function sharding.require_read_committed() returns void
language plpgsql stable as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'this function needs READ COMMITTED';
    end if;
end
$$;

-- Starts the next attempt of a batch and with it ends every earlier one: whoever still works on those fails at
-- its next compare-and-set. Also thaws what an earlier attempt froze, if its deadline has passed (or p_force: the caller
-- knows that nobody else works on it). p_least: the attempt has at least this number, because the target knows of the one before.
-- No number is given twice, so that no mover that slept takes another's attempt for its own: in another history than that of the last
-- attempt, further ones may have been lost, and the numbers leap over them. Returns the new attempt; SH010 when the batch is not to be had.
create function sharding.move_begin(p_move_id uuid, p_by text, p_force boolean, p_least integer) returns integer
language plpgsql volatile as $$
declare
    batch sharding.move;
    next_ integer;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase = 'frozen' and (p_force or batch.frozen_until < clock_timestamp()) then
        perform sharding.thaw(p_move_id);
    elsif batch.phase is null or batch.phase not in ('planned', 'copying') then
        raise exception using errcode = 'SH010', message = format('batch %s is in phase %s', p_move_id, coalesce(batch.phase, 'none'));
    end if;
    if exists (select from unnest(batch.slots) s join sharding.slot_ownership o on o.slot = s where o.state = 'owned' and o.peer is not null) then
        raise exception using errcode = 'SH010', message = format('batch %s: a slot was brought here by a move that is not finished', p_move_id);
    end if;
    if exists (select from unnest(batch.slots) s left join sharding.slot_ownership o on o.slot = s
               where o.state is distinct from 'owned' or (o.move_id is not null and o.move_id <> p_move_id)) then
        raise exception using errcode = 'SH010', message = format('batch %s: a slot is not owned here, or another move has it', p_move_id);
    end if;
    next_ := greatest(batch.attempt + 1, p_least);
    if batch.attempt_in <> sharding.history() then
        next_ := next_ + 1000;
    end if;
    update sharding.slot_ownership set move_id = p_move_id, attempt = next_ where slot = any (batch.slots);
    update sharding.move set phase = 'copying', attempt = next_, attempt_in = sharding.history(), frozen_until = null, started_by = p_by, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return next_;
end
$$;

-- Holds the journal row until the end of the transaction, so that what is made in it (a publication) is made by the
-- current attempt: a later one begins, and clears away, after it. SH011: the attempt is over.
create function sharding.move_require(p_move_id uuid, p_attempt integer) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'copying' and attempt_in = sharding.history() for update;
    if not found then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
end
$$;

-- frozen → owned. The caller holds the journal row's lock. Needs no slot lock: writers become allowed, none is
-- let through that was not before; the release, which must not follow, is a compare-and-set on the phase.
create function sharding.thaw(p_move_id uuid) returns void
language sql volatile as $$
    update sharding.slot_ownership set state = 'owned', frozen_until = null where move_id = p_move_id and state = 'frozen';
    update sharding.move set phase = 'copying', frozen_until = null where move_id = p_move_id;
$$;

-- owned → frozen, and a marker in the WAL behind every write that these slots have ever taken here. The caller
-- sets lock_timeout, and gives each freeze a marker of its own: one of an earlier freeze, given up since, proves nothing.
-- The last three statements must stay three and in this order: the locks wait for writers that are inside,
-- the check then sees what they and everybody else committed, and the marker's commit is behind theirs.
create function sharding.move_freeze(p_move_id uuid, p_attempt integer, p_seconds double precision, p_marker text) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
begin
    perform sharding.require_no_hold(); -- before the locks, for which writers wait
    perform sharding.require_read_committed();
    perform pg_advisory_xact_lock(1397246027, s.slot)
    from (select unnest(slots)::integer as slot from sharding.move where move_id = p_move_id order by 1) s;
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'copying' or batch.attempt <> p_attempt or batch.attempt_in <> sharding.history() then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    update sharding.slot_ownership o set state = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second'
    from unnest(batch.slots) s where o.slot = s and o.state = 'owned' and o.move_id = p_move_id;
    update sharding.move set phase = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second', seen_at = clock_timestamp()
    where move_id = p_move_id;
    perform pg_logical_emit_message(true, 'sharding-marker', p_marker);
end
$$;

-- Gives a freeze up: the same attempt goes on copying changes. False: the attempt is over.
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

-- A write met a frozen slot whose deadline has passed: the mover is dead or asleep. Ends its attempt and thaws,
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

-- The point of no return: frozen → released. Fails (SH011) when anybody has thawed or begun anew. p_seal is what the target wrote
-- with the last of the rows (import_seal). The release's epoch is above every epoch that these slots had here, whatever the ring in
-- Redis says: of two releases of a slot the later is the one that counts, and it is told by its epoch.
create function sharding.move_release(p_move_id uuid, p_attempt integer, p_epoch bigint, p_seal bytea) returns bigint
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
    epoch_ bigint;
    floor_ bigint;
    released integer;
begin
    perform sharding.require_read_committed();
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'frozen' or batch.attempt <> p_attempt or batch.attempt_in <> sharding.history() then
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
    update sharding.move set phase = 'released', epoch = epoch_, version_floor = floor_, seal = p_seal, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return floor_;
end
$$;

-- This shard lost its release: a standby without it took over, or an older state was restored. The target has come to own the slots
-- by this very batch, at p_epoch and above the versions p_floor; the caller has its word for it (import_word). So the slots are
-- released here again, at the same epoch. Never back: the target has taken writes. The caller sets lock_timeout; the locks wait for
-- writers that are inside, as in move_freeze. False: the batch is not before its release any more. SH012: a slot is somebody else's.
create function sharding.move_follow(p_move_id uuid, p_attempt integer, p_epoch bigint, p_floor bigint) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
    released integer;
begin
    perform sharding.require_read_committed();
    perform pg_advisory_xact_lock(1397246027, s.slot)
    from (select unnest(slots)::integer as slot from sharding.move where move_id = p_move_id order by 1) s;
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is null or batch.phase not in ('planned', 'copying', 'frozen') then
        return false;
    end if;
    update sharding.slot_ownership o
    set state = 'released', peer = batch.target, epoch = p_epoch, move_id = p_move_id, attempt = p_attempt, frozen_until = null
    from unnest(batch.slots) s
    where o.slot = s and o.state in ('owned', 'frozen') and o.epoch < p_epoch and (o.move_id is null or o.move_id = p_move_id);
    get diagnostics released = row_count;
    if released <> cardinality(batch.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: the target owns its slots at epoch %s, and not all of them can be released here', p_move_id, p_epoch);
    end if;
    update sharding.move
    set phase = 'owned', attempt = greatest(attempt, p_attempt), epoch = p_epoch, version_floor = p_floor, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return true;
end
$$;

-- After the release: forward only. False when the batch is not in the phase before, or disputed, or when this is not the release that the
-- caller saw: a source that lost it has followed the target since, and has other rows to be compared.
create function sharding.move_advance(p_move_id uuid, p_from text, p_to text, p_seal bytea) returns boolean
language plpgsql volatile as $$
begin
    if (p_from, p_to) not in (('released', 'owned'), ('owned', 'published'), ('published', 'verified')) then
        raise exception using errcode = 'SH012', message = format('%s → %s is no step of a move', p_from, p_to);
    end if;
    if p_to = 'verified' then
        perform sharding.require_no_hold();
    end if;
    update sharding.move set phase = p_to, seen_at = clock_timestamp() where move_id = p_move_id and phase = p_from and disputed is null and seal is not distinct from p_seal;
    return found;
end
$$;

-- After the release: source and target do not fit together. From now on nobody goes on with the batch but a person who says which copy
-- is right. p_phase: where it was when that was found. False: it is not there any more; somebody else has gone on, so look again.
create function sharding.move_dispute(p_move_id uuid, p_phase text, p_why text) returns boolean
language plpgsql volatile as $$
begin
    update sharding.move set disputed = p_why, problem = p_why, seen_at = clock_timestamp()
    where move_id = p_move_id and phase = p_phase and phase in ('released', 'owned', 'published', 'verified') and disputed is null;
    return found;
end
$$;

-- A person says that the target's copy is right, and the target owns the slots. The batch goes on without a comparison.
create function sharding.move_settle(p_move_id uuid) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    update sharding.move
    set disputed = null, settled = 'target', phase = case when phase = 'released' then 'owned' else phase end, seen_at = clock_timestamp()
    where move_id = p_move_id and disputed is not null;
    return found;
end
$$;

-- A person says that the source's copy is right. The caller has seen to it that the target does not own the slots and cannot come to own
-- them. They are owned here again, above every epoch and version that the target gave. False: not disputed, nothing is done.
create function sharding.move_take_back(p_move_id uuid, p_epoch bigint, p_floor bigint) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
    taken integer;
begin
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move where move_id = p_move_id and disputed is not null for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership o
    set state = 'owned', peer = null, epoch = p_epoch, version_floor = greatest(o.version_floor, p_floor), move_id = null, attempt = 0, frozen_until = null
    from unnest(slots_) s where o.slot = s and o.state = 'released' and o.move_id = p_move_id and o.epoch < p_epoch;
    get diagnostics taken = row_count;
    if taken <> cardinality(slots_) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots can be taken back at epoch %s', p_move_id, p_epoch);
    end if;
    update sharding.move set settled = 'source' where move_id = p_move_id;
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- Deletes up to p_limit rows in key order from behind (p_slot, p_collection, p_pk, p_id), or from the first slot on when
-- p_slot is NULL. p_slots ascend; what is not in them is left alone. Answers the last key that it looked at; p_slot NULL: it is through.
-- Whoever calls it sees to it that nobody puts rows into these slots meanwhile.
--
-- Each page is one look at the key's index, whatever the planner believes: which rows, where they lie, and then they are deleted by
-- that. In the order of the key, so that the next page begins behind what this one deleted: dead rows stay in the index until the next
-- vacuum.
create function sharding.delete_item_page(
    p_slots smallint[], p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    rows_ tid[];
begin
    -- The rest of the slot in which the last page ended, then the slots behind it.
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

-- Deletes a page of rows of a compared batch's slots, rechecking that they are still released by it; the row locks keep a move back to
-- here from beginning meanwhile. Slots that are not released by it any more are passed over. A page looks at 128 slots at most: it
-- locks each, which for all that are left of a batch cost more than its rows.
create function sharding.move_clean(
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
    from (select slot from sharding.move m, unnest(m.slots) slot
          where m.move_id = p_move_id and m.phase = 'verified' and m.disputed is null and (p_slot is null or slot >= p_slot) order by slot limit 129) s;
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

create function sharding.has_something_to_keep() returns boolean
language sql volatile as $$
    select exists (select from sharding.slot_ownership where state <> 'released') or exists (select from sharding.move where phase <> 'verified' or disputed is not null)
$$;

-- Empties the table at once when this shard has given away every slot that it ever had and all of that is verified:
-- in place of deleting its rows one by one, which writes each into the WAL and leaves them to vacuum. False: there is
-- something to keep, or somebody uses the table just now; then the rows are deleted by move_clean.
--
-- Nothing is lost: with the lock in hand nobody is inside the table, and the later statement sees what was committed before.
-- A writer that has passed the fence but not written yet holds its slot's lock, so that slot is still "owned" then. Rows of an
-- import come after the commit of its import_begin: either that is seen here, or they come after the truncation. A copy or a
-- comparison of what was given away reads only while its batch is not verified. A publication of a move leaves truncations out.
-- Rows of slots that never were here are nobody's, and go too. Longer than deadlock_timeout: then a vacuum gives way.
create function sharding.move_empty() returns boolean
language plpgsql volatile set enable_seqscan = on set lock_timeout = '1500ms' as $$
begin
    perform sharding.require_read_committed();
    if sharding.has_something_to_keep() then
        return false;
    end if;
    if not exists (select from sharding.item) then
        return true;
    end if;
    lock table sharding.item in access exclusive mode;
    if sharding.has_something_to_keep() then
        return false;
    end if;
    truncate sharding.item;
    return true;
exception when lock_not_available then
    return false;
end
$$;

-- The journal row of a cleaned batch becomes history, and its slots are free for other moves. Only when no row is left in the slots
-- that the batch gave away. False: there is one, nothing is done.
--
-- move_clean is not waited for on disk. A source that crashed after it may have the rows back, and a mover that does not notice
-- the crash would close the journal over them. Here look and end are one transaction: what it sees deleted comes before its own
-- commit in the WAL, and is not lost without it. Slots that have come back since are not this batch's any more, nor are their rows.
create function sharding.move_finish(p_move_id uuid) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move where move_id = p_move_id and phase = 'verified' and disputed is null for update;
    if exists (select from unnest(slots_) s join sharding.slot_ownership o on o.slot = s and o.move_id = p_move_id and o.state = 'released'
               cross join lateral (select from sharding.item i where i.slot = s limit 1) left_) then
        return false;
    end if;
    if slots_ is not null then
        perform sharding.move_record(p_move_id, 'done');
    end if;
    delete from sharding.move where move_id = p_move_id and phase = 'verified' and disputed is null;
    update sharding.slot_ownership o set move_id = null, attempt = 0 from unnest(slots_) s where o.slot = s and o.move_id = p_move_id;
    return true;
end
$$;

-- A person gives up a batch that cannot begin, because this shard does not own all of its slots any more, and that has not been released
-- from here. Whatever of them is held for it is let go. Ends whatever attempt there is: the journal has no such batch any more.
create function sharding.move_drop(p_move_id uuid) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and phase in ('planned', 'copying', 'frozen') for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null where move_id = p_move_id and state in ('owned', 'frozen');
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- Takes a batch that has not been released out of the journal, if this is still its attempt; a cancelled batch leaves a line in the
-- history too. Without the attempt a canceller that slept while another mover began anew and released would take that back.
create function sharding.move_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and attempt = p_attempt and phase = 'copying' and attempt_in = sharding.history() for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null where move_id = p_move_id and state in ('owned', 'frozen');
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;
