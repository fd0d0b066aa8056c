-- Moves, the source's side. A move takes slots from the shard that owns them (the source) to another shard (the target) while both serve.
-- The steps and the argument for their safety are in src/ShardCore/Moves/BatchMover.cs. The functions here enforce them for every caller:
-- each change is a compare-and-set on (move_id, attempt) and on the phase, under the row lock of the source's journal row, which is the
-- single decision point. Only move_settle and move_take_back change a disputed batch.
--
-- The functions find the rows of slots one by one through the index. A condition with a list of 256 slots would be planned again each
-- time, and the list would be compared with every slot.

create function sharding.require_read_committed() returns void
language plpgsql stable as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'SH001', message = 'this function needs READ COMMITTED';
    end if;
end
$$;

-- Starts the next attempt of a batch, which ends every earlier attempt: a mover that still works on an earlier one fails at its next
-- compare-and-set. Also thaws the slots that an earlier attempt froze, if the deadline of the freeze has passed, or if p_force is true:
-- then the caller knows that nobody else works on the batch. p_least: the new attempt has at least this number, because the target knows
-- of the attempt before it. No number is given twice; otherwise a mover that slept could take another mover's attempt for its own. If this
-- shard is in another history than at the last attempt, further attempts may have been lost with the old one; so the number leaps by 1,000
-- over them. Returns the new attempt. Raises SH010 if no attempt of the batch can begin.
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
    if exists (select from unnest(batch.slots) s join sharding.slot_ownership o on o.slot = s
               where o.state = 'owned' and o.peer is not null) then
        raise exception using errcode = 'SH010',
            message = format('batch %s: a slot was brought here by a move that is not finished', p_move_id);
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
    update sharding.move
    set phase = 'copying', attempt = next_, attempt_in = sharding.history(), frozen_until = null,
        started_by = p_by, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return next_;
end
$$;

-- Locks the journal row until the end of the transaction. So what the transaction makes (a publication) is made by the current attempt: a
-- later attempt begins after it, and then drops what it made. Raises SH011 if the attempt is over.
create function sharding.move_require(p_move_id uuid, p_attempt integer) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move
    where move_id = p_move_id and attempt = p_attempt and phase = 'copying' and attempt_in = sharding.history() for update;
    if not found then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
end
$$;

-- The row filter of a publication, for slots that come as runs, first and last. The source evaluates it for every change of every slot, also
-- for slots of other batches, and goes through a list from its beginning. So runs come before single slots.
create function sharding.slots_filter(p_first smallint[], p_last smallint[]) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select concat_ws(' or ',
        string_agg(format('slot between %s::smallint and %s::smallint', run.first, run.last), ' or ' order by run.first)
            filter (where run.first < run.last),
        'slot in (' || string_agg(run.first::text, ',' order by run.first) filter (where run.first = run.last) || ')')
    from unnest(p_first, p_last) as run (first, last)
$$;

-- Source. Makes the publication of an attempt: the changes to its slots, without truncations, because those ignore the filter. It is of the
-- partitioned table, so it has the partitions of collections that are created later, too. Postgres lets only the owner of a table publish
-- it, so the owner does it for the mover. Waits for a lock on the table (the caller sets lock_timeout). Returns the name of the publication.
-- Raises SH011 if the attempt is over.
create function sharding.move_publish(p_move_id uuid, p_attempt integer, p_first smallint[], p_last smallint[]) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    name constant text := format('sharding_move_%s_%s', replace(p_move_id::text, '-', ''), p_attempt);
begin
    perform sharding.move_require(p_move_id, p_attempt);
    execute format(
        'create publication %I for table sharding.item where (%s) with (publish = %L, publish_via_partition_root = true)',
        name, sharding.slots_filter(p_first, p_last), 'insert, update, delete');
    return name;
end
$$;

-- Source. Drops the publications of this attempt and of earlier ones, and never that of a later one. A mover that slept through a takeover
-- would take that publication away from the running stream; and a Postgres that only warns of a missing publication (18) would leave its
-- changes out.
create function sharding.move_unpublish(p_move_id uuid, p_attempt integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    prefix constant text := format('sharding_move_%s_', replace(p_move_id::text, '-', ''));
    name   text;
begin
    for name in select pubname from pg_publication
                where case when starts_with(pubname, prefix) then substr(pubname, length(prefix) + 1)::integer <= p_attempt end loop
        execute format('drop publication if exists %I', name);
    end loop;
end
$$;

-- frozen → owned. The caller has the lock of the journal row. No slot lock is needed, because a thaw only allows writes again. A release
-- must not follow a thaw. It cannot: the release is a compare-and-set on the phase, and the thaw has changed the phase.
create function sharding.thaw(p_move_id uuid) returns void
language sql volatile as $$
    update sharding.slot_ownership set state = 'owned', frozen_until = null where move_id = p_move_id and state = 'frozen';
    update sharding.move set phase = 'copying', frozen_until = null where move_id = p_move_id;
$$;

-- owned → frozen, and a marker in the WAL behind every write that these slots have ever taken here. The caller sets lock_timeout. It gives
-- each freeze its own marker, because the marker of an earlier freeze that was given up proves nothing. The locks, the check and the
-- marker must stay separate statements in this order: the locks wait for writers that are inside; the check then sees what those writers
-- and everybody else committed; and the commit of the marker is behind the commits of those writers.
create function sharding.move_freeze(p_move_id uuid, p_attempt integer, p_seconds double precision, p_marker text) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    batch sharding.move;
begin
    perform sharding.require_no_hold(); -- before the locks, because writers wait behind them
    perform sharding.require_read_committed();
    perform pg_advisory_xact_lock(1397246027, s.slot)
    from (select unnest(slots)::integer as slot from sharding.move where move_id = p_move_id order by 1) s;
    select * into batch from sharding.move where move_id = p_move_id for update;
    if batch.phase is distinct from 'copying' or batch.attempt <> p_attempt or batch.attempt_in <> sharding.history() then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    update sharding.slot_ownership o set state = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second'
    from unnest(batch.slots) s where o.slot = s and o.state = 'owned' and o.move_id = p_move_id;
    update sharding.move
    set phase = 'frozen', frozen_until = clock_timestamp() + p_seconds * interval '1 second', seen_at = clock_timestamp()
    where move_id = p_move_id;
    perform pg_logical_emit_message(true, 'sharding-marker', p_marker);
end
$$;

-- Gives up a freeze; the same attempt goes on to bring changes. Returns false if the attempt has no freeze any more.
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

-- For a write that met a frozen slot whose deadline has passed: the mover is dead or asleep. Ends the attempt and thaws the slots, so no
-- slot stays frozen because a process is missing. This is safe even if the clock is wrong: if the mover wakes, its release fails, because
-- its attempt is over.
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
    update sharding.move set attempt = attempt + 1, problem = 'the freeze outlived its deadline; a write thawed it'
    where move_id = batch_id;
    return true;
end
$$;

-- The point of no return: frozen → released. Raises SH011 if somebody has thawed the slots or begun another attempt. p_seal is what the
-- target wrote behind the last of the rows (import_seal). The epoch of the release is above every epoch that these slots had here, even if
-- the ring in Redis has a lower one. Of two releases of a slot the later one counts, and the higher epoch tells which one is later.
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
    select greatest(max(o.version_floor), (extract(epoch from clock_timestamp()) * 1000000)::bigint),
           greatest(max(o.epoch) + 1, p_epoch)
    into floor_, epoch_
    from unnest(batch.slots) s join sharding.slot_ownership o on o.slot = s;
    update sharding.slot_ownership o set state = 'released', peer = batch.target, epoch = epoch_, frozen_until = null
    from unnest(batch.slots) s where o.slot = s and o.state = 'frozen' and o.move_id = p_move_id;
    get diagnostics released = row_count;
    if released <> cardinality(batch.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots were frozen', p_move_id);
    end if;
    update sharding.move
    set phase = 'released', epoch = epoch_, version_floor = floor_, seal = p_seal, frozen_until = null, seen_at = clock_timestamp()
    where move_id = p_move_id;
    return floor_;
end
$$;

-- For a source that lost its release: a standby without the release took over, or an older state was restored. The target has become the
-- owner of the slots by this batch, at p_epoch and with versions above p_floor; the caller has asked it (import_word). So the slots are
-- released here once more, at the same epoch. They are never taken back, because the target has taken writes. The caller sets
-- lock_timeout; the locks wait for writers that are inside, as in move_freeze. Returns false if the batch is past its release, or gone.
-- Raises SH012 if a slot cannot be released at that epoch, because this shard does not own it or another move has it.
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
        raise exception using errcode = 'SH012', message = format(
            'batch %s: the target owns its slots at epoch %s, and not all of them can be released here', p_move_id, p_epoch);
    end if;
    update sharding.move
    set phase = 'owned', attempt = greatest(attempt, p_attempt), epoch = p_epoch, version_floor = p_floor, frozen_until = null,
        seen_at = clock_timestamp()
    where move_id = p_move_id;
    return true;
end
$$;

-- After the release a batch only goes forward. Returns false if the batch is not in the phase p_from, or is disputed, or if p_seal is not
-- the seal of its release. The seal differs if the source lost the release that the caller saw, and has followed the target since: then
-- other rows have to be compared.
create function sharding.move_advance(p_move_id uuid, p_from text, p_to text, p_seal bytea) returns boolean
language plpgsql volatile as $$
begin
    if (p_from, p_to) not in (('released', 'owned'), ('owned', 'published'), ('published', 'verified')) then
        raise exception using errcode = 'SH012', message = format('%s → %s is no step of a move', p_from, p_to);
    end if;
    if p_to = 'verified' then
        perform sharding.require_no_hold();
    end if;
    update sharding.move set phase = p_to, seen_at = clock_timestamp()
    where move_id = p_move_id and phase = p_from and disputed is null and seal is not distinct from p_seal;
    return found;
end
$$;

-- Marks a released batch as disputed: source and target do not fit together. From now on only a person can let the batch go on, by saying
-- which copy is right. p_phase: the phase in which the caller found this. Returns false if the batch is not in that phase any more, or is
-- disputed already: somebody else has gone on with it, so the caller has to look again.
create function sharding.move_dispute(p_move_id uuid, p_phase text, p_why text) returns boolean
language plpgsql volatile as $$
begin
    update sharding.move set disputed = p_why, problem = p_why, seen_at = clock_timestamp()
    where move_id = p_move_id and phase = p_phase and phase in ('released', 'owned', 'published', 'verified') and disputed is null;
    return found;
end
$$;

-- A person says that the target's copy is right, and the target owns the slots. The batch goes on without a comparison. Returns false if
-- the batch is not disputed.
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

-- A person says that the source's copy is right. The caller has ensured before that the target does not own the slots and cannot become
-- their owner. This shard owns them again, above every epoch and version that the target gave, and the batch ends as cancelled. Returns
-- false and does nothing if the batch is not disputed.
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
    set state = 'owned', peer = null, epoch = p_epoch, version_floor = greatest(o.version_floor, p_floor),
        move_id = null, attempt = 0, frozen_until = null
    from unnest(slots_) s where o.slot = s and o.state = 'released' and o.move_id = p_move_id and o.epoch < p_epoch;
    get diagnostics taken = row_count;
    if taken <> cardinality(slots_) then
        raise exception using errcode = 'SH012',
            message = format('batch %s: not all of its slots can be taken back at epoch %s', p_move_id, p_epoch);
    end if;
    update sharding.move set settled = 'source' where move_id = p_move_id;
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- Returns whether a row is in one of the slots. An empty partition is passed over, so collections without items cost nothing.
create function sharding.has_items(p_slots smallint[]) returns boolean
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    name_ text;
    any_  boolean;
begin
    for name_ in select p from sharding.partitions() p loop
        continue when pg_relation_size(format('sharding_items.%I', name_)::regclass) = 0;
        execute format($sql$
            select exists (select from unnest($1) asked (slot)
                           cross join lateral (select from sharding_items.%I i where i.slot = asked.slot limit 1) found)
            $sql$, name_) into any_ using p_slots;
        if any_ then
            return true;
        end if;
    end loop;
    return false;
end
$$;

-- Deletes up to p_limit rows, one collection after the other, and in each in the order of the key. Begins behind the key (p_collection,
-- p_slot, p_pk, p_id), or with the first collection if p_slot is NULL. p_slots must ascend; other slots are left alone. Returns the last
-- key that it looked at; p_slot NULL: nothing is left. The caller must ensure that nobody puts rows into these slots meanwhile.
--
-- Each page is one look-up in the index of the key for each collection, even if the planner would choose another plan. The look-up finds
-- where the rows lie (ctid), and the DELETE uses these places. It goes in the order of the key, so the next page begins behind what this
-- one deleted. Otherwise it would meet the dead rows again, which stay in the index until the next vacuum.
create function sharding.delete_item_page(
    p_slots smallint[], p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    name_  text;
    from_  smallint;
    rows_  tid[];
begin
    deleted := 0;
    for name_ in select p from sharding.partitions() p where p_slot is null or p >= p_collection loop
        continue when pg_relation_size(format('sharding_items.%I', name_)::regclass) = 0;
        from_ := case when name_ = p_collection then p_slot end;
        -- First the rest of the slot in which the last page ended, then the slots behind it.
        execute format($sql$
            select array_agg(page.ctid) from (
                (select i.ctid from sharding_items.%1$I i
                 where i.slot = $2 and i.collection = %1$L and $2 = any ($1) and (i.pk, i.id) > ($3, $4)
                 order by i.pk, i.id limit $5)
                union all
                (select behind.ctid from unnest($1) asked (slot)
                 cross join lateral (select i.ctid from sharding_items.%1$I i
                                     where i.slot = asked.slot and i.collection = %1$L order by i.pk, i.id) behind
                 where asked.slot > $2 or $2 is null
                 limit $5)
                limit $5) page
            $sql$, name_) into rows_ using p_slots, from_, p_pk, p_id, p_limit - deleted;
        continue when rows_ is null;
        deleted := deleted + cardinality(rows_);
        if deleted = p_limit then
            execute format('select slot, collection, pk, id from sharding_items.%I where ctid = $1', name_)
            into p_slot, p_collection, p_pk, p_id using rows_[cardinality(rows_)];
        end if;
        execute format('delete from sharding_items.%I where ctid = any ($1)', name_) using rows_;
        if deleted = p_limit then
            return;
        end if;
    end loop;
    p_slot := null;
end
$$;

-- Deletes a page of the source's rows of a compared batch. It checks again that the batch has released the slots, and passes over slots of
-- which this is not true any more. Its row locks keep a move back to this shard from beginning meanwhile. A page looks at 128 slots at
-- most: it locks each of them, and locking all slots that are left of a batch would cost more than deleting the rows.
create function sharding.move_clean(
    p_move_id uuid, p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
declare
    here       smallint[];
    still_ours smallint[];
    first_     integer;
    next_      smallint;
begin
    perform sharding.require_read_committed();
    select array_agg(slot order by slot) into here
    from sharding.move m, unnest(m.slots) slot where m.move_id = p_move_id and m.phase = 'verified' and m.disputed is null;
    -- The part of 128 slots in which p_slot is: the pages go through its collections before the next part comes.
    first_ := coalesce((array_position(here, p_slot) - 1) / 128 * 128 + 1, 1);
    next_ := here[first_ + 128];
    here := here[first_:first_ + 127];
    select coalesce(array_agg(o.slot order by o.slot), '{}') into still_ours
    from (select slot from sharding.slot_ownership
          where slot = any (here) and move_id = p_move_id and state = 'released'
          order by slot for share) o;
    select * into p_slot, p_collection, p_pk, p_id, deleted
    from sharding.delete_item_page(still_ours, p_limit, p_slot, p_collection, p_pk, p_id);
    if p_slot is null then -- these slots are done
        p_slot := next_; p_collection := ''; p_pk := ''; p_id := ''; -- '' is before every collection, as no part of a key is empty
    end if;
end
$$;

create function sharding.has_something_to_keep() returns boolean
language sql volatile as $$
    select exists (select from sharding.slot_ownership where state <> 'released')
        or exists (select from sharding.move where phase <> 'verified' or disputed is not null)
$$;

-- Truncates the partitions if this shard has given away every slot that it ever had, and all of those batches are verified. To delete the
-- rows one by one would write each into the WAL and leave it to vacuum. Returns false if there is something to keep, or if somebody uses a
-- partition just now; then move_clean deletes the rows.
--
-- Nothing is lost, for these reasons. While we have the lock of a partition nobody is inside it, and the check behind it sees what was
-- committed before. A writer that has passed the fence but has not written yet holds its slot's lock, so that slot is still "owned", and
-- the check finds it. Rows of an import come after the commit of its import_begin: either the check sees that commit, or the rows come
-- after the truncation. A copy or a comparison of slots that were given away reads only while its batch is not verified. A move's
-- publication leaves truncations out. Rows of slots that were never here belong to nobody, and go too. Partitions that are made meanwhile
-- have no rows. lock_timeout is longer than deadlock_timeout, after which an autovacuum gives way to us. Of very many partitions the locks
-- may not fit in Postgres' lock table (out_of_memory).
create function sharding.move_empty() returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = on set lock_timeout = '1500ms' as $$
declare
    name_ text;
    any_  boolean;
begin
    perform sharding.require_read_committed();
    if sharding.has_something_to_keep() then
        return false;
    end if;
    for name_ in select p from sharding.partitions() p loop
        continue when pg_relation_size(format('sharding_items.%I', name_)::regclass) = 0;
        execute format('select exists (select from sharding_items.%I)', name_) into any_;
        continue when not any_;
        execute format('lock table sharding_items.%I in access exclusive mode', name_);
        if sharding.has_something_to_keep() then
            raise lock_not_available; -- what was truncated so far comes back
        end if;
        execute format('truncate sharding_items.%I', name_);
    end loop;
    return true;
exception when lock_not_available or out_of_memory or deadlock_detected then
    return false;
end
$$;

-- Moves the journal row of a cleaned batch into the history, and frees its slots for other moves. Returns false and does nothing if a row
-- is left in the slots that the batch gave away.
--
-- The commits of move_clean do not wait for the disk. A source that crashed after them may have the rows back, and a mover that does not
-- notice the crash would close the journal although rows are there. Here the look and the end are one transaction. The deletions that it
-- sees are before its own commit in the WAL, so they cannot be lost without that commit. Slots that have come back to this shard since do
-- not belong to this batch any more, and neither do their rows.
create function sharding.move_finish(p_move_id uuid) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move where move_id = p_move_id and phase = 'verified' and disputed is null for update;
    if sharding.has_items(array(
        select s from unnest(slots_) s
        join sharding.slot_ownership o on o.slot = s and o.move_id = p_move_id and o.state = 'released')) then
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

-- A person gives up a batch that was not released and cannot begin, because this shard does not own all of its slots any more. The slots
-- that are still held for the batch are freed. This ends every attempt of the batch, because its journal row is gone. Returns false if the
-- batch is past its release, or gone.
create function sharding.move_drop(p_move_id uuid) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform from sharding.move where move_id = p_move_id and phase in ('planned', 'copying', 'frozen') for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null
    where move_id = p_move_id and state in ('owned', 'frozen');
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;

-- Takes a batch that has not been released out of the journal, if p_attempt is still its attempt. A cancelled batch leaves a line in the
-- history too. The attempt is compared, because the canceller may have slept while another mover began a new attempt and released the
-- slots. Without the comparison it would take that back.
create function sharding.move_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform from sharding.move
    where move_id = p_move_id and attempt = p_attempt and phase = 'copying' and attempt_in = sharding.history() for update;
    if not found then
        return false;
    end if;
    update sharding.slot_ownership set state = 'owned', move_id = null, attempt = 0, frozen_until = null
    where move_id = p_move_id and state in ('owned', 'frozen');
    perform sharding.move_record(p_move_id, 'cancelled');
    delete from sharding.move where move_id = p_move_id;
    return true;
end
$$;
