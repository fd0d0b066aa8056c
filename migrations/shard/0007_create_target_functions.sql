-- Moves, the target's side. 0006 has the source's side.

-- The batches that this shard imports, each with its current attempt.
create table sharding.move_import (
    move_id       uuid       primary key,
    source        text       not null,
    slots         smallint[] not null,
    attempt       integer    not null,
    applied_lsn   pg_lsn,                                  -- in the source's WAL: changes up to here are in this database
    seal          bytea,                                   -- random; written behind the last row: a server that has it has all rows
    owned_epoch   bigint,                                  -- of the release by which this shard became the owner; NULL: not yet
    version_floor bigint,                                  -- of that release
    compared      boolean    not null default false        -- true: all rows were compared, and are what the source had
);

-- Imports that are over. They are kept for two reasons. A mover that slept since before the end of an import must not begin that import
-- again: nobody would ever end it, the slots would stay "importing" here, and no other move could bring them. And a source that went back
-- to before its release has to learn that this shard became the owner of the slots by that move.
create table sharding.move_import_over (
    move_id       uuid        primary key,
    source        text        not null,
    slots         smallint[]  not null,
    attempt       integer     not null,
    owned_epoch   bigint,                                  -- NULL: it was cancelled
    version_floor bigint,
    compared      boolean     not null,
    ended_at      timestamptz not null default clock_timestamp()
);

create function sharding.owned_or_passed(p_slots smallint[]) returns text
language sql stable as $$
    select case when exists (select from unnest(p_slots) s left join sharding.slot_ownership o on o.slot = s
                             where o.state is null or o.state not in ('owned', 'frozen'))
                then 'passed' else 'owned' end
$$;

-- Returns what this shard knows of a batch.
-- state: unknown · importing · sealed (all rows are here) · cancelled
--        owned (this shard became the owner by this batch, and still is; also after the import is over)
--        passed (this shard became the owner by this batch, and does not own all of the slots any more: they went on to another shard,
--                perhaps back to the source)
create function sharding.import_word(
    p_move_id uuid, out state text, out attempt integer, out seal bytea, out epoch bigint, out version_floor bigint, out compared boolean)
language sql volatile as $$
    select coalesce(w.state, 'unknown'), coalesce(w.attempt, 0), w.seal, w.epoch, w.version_floor, coalesce(w.compared, false)
    from (values (1)) one left join lateral (
        select case when i.owned_epoch is not null then sharding.owned_or_passed(i.slots)
                    when i.seal is not null then 'sealed' else 'importing' end as state,
               i.attempt, i.seal, i.owned_epoch as epoch, i.version_floor, i.compared
        from sharding.move_import i where i.move_id = p_move_id
        union all
        select case when o.owned_epoch is not null then sharding.owned_or_passed(o.slots) else 'cancelled' end,
               o.attempt, null, o.owned_epoch, o.version_floor, o.compared
        from sharding.move_import_over o where o.move_id = p_move_id
        limit 1) w on true
$$;

-- Begins the import of a batch for this attempt, and ends every earlier attempt here too. Raises SH010 in five cases: a slot is served
-- here; another move brings it; it was given away from here by a move that is still in the journal (the mover of that move compares and
-- cleans the rows that would be purged); this batch has been carried out already; this shard is leaving. Raises SH011 if the attempt is
-- over.
create function sharding.import_begin(p_move_id uuid, p_attempt integer, p_source text, p_slots smallint[], p_epoch bigint) returns void
language plpgsql volatile as $$
declare
    known integer;
begin
    perform sharding.require_read_committed();
    perform from sharding.cluster for share; -- so this is wholly before or wholly after sharding.leave
    if exists (select from sharding.cluster where leaving) then
        raise exception using errcode = 'SH010', message = format('batch %s: this shard is leaving the cluster', p_move_id);
    end if;
    perform from sharding.slot_ownership where slot = any (p_slots) order by slot for update; -- waits for move_clean
    if exists (select from sharding.slot_ownership
               where slot = any (p_slots) and (state in ('owned', 'frozen') or (state = 'importing' and move_id <> p_move_id))) then
        raise exception using errcode = 'SH010',
            message = format('batch %s: a slot is served here already, or another move brings it', p_move_id);
    end if;
    if exists (select from sharding.slot_ownership o join sharding.move m on m.move_id = o.move_id
               where o.slot = any (p_slots) and o.state = 'released') then
        raise exception using errcode = 'SH010',
            message = format('batch %s: a slot was given away from here by a move that is not finished', p_move_id);
    end if;
    insert into sharding.move_import (move_id, source, slots, attempt) values (p_move_id, p_source, p_slots, p_attempt)
    on conflict (move_id) do update set attempt = excluded.attempt, applied_lsn = null, seal = null
        where move_import.attempt < excluded.attempt and move_import.owned_epoch is null
    returning attempt into known;
    -- This must come after the insert, which waits for a transaction that ends the import at this moment: the later statement sees that it
    -- is over.
    if exists (select from sharding.move_import_over where move_id = p_move_id and owned_epoch is not null) then
        raise exception using errcode = 'SH010', message = format('batch %s has been carried out already', p_move_id);
    end if;
    if known is null or exists (select from sharding.move_import_over where move_id = p_move_id and attempt >= p_attempt) then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    -- Older entries go only to keep this table small. A mover that sleeps for longer leaves an import behind, and can do no other harm.
    delete from sharding.move_import_over where ended_at < clock_timestamp() - interval '30 days';
    insert into sharding.slot_ownership (slot, state, epoch, move_id, attempt, peer)
    select s, 'importing', p_epoch, p_move_id, p_attempt, p_source from unnest(p_slots) s
    on conflict (slot) do update
        set state = 'importing', move_id = excluded.move_id, attempt = excluded.attempt, peer = excluded.peer, frozen_until = null;
    delete from sharding.before_image where slot = any (p_slots);
end
$$;

-- The last statement of every transaction that brings rows. It locks the import's row until the commit. So import_begin of a later
-- attempt, and its purge, come wholly before or wholly after this transaction. Raises SH011 if the attempt is over.
create function sharding.import_check(p_move_id uuid, p_attempt integer, p_applied_lsn pg_lsn) returns void
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    update sharding.move_import set applied_lsn = coalesce(p_applied_lsn, applied_lsn)
    where move_id = p_move_id and attempt = p_attempt and owned_epoch is null;
    if not found then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
end
$$;

-- Deletes a page of the rows that are in the slots: residue of an earlier ownership, or rows that an earlier attempt copied.
create function sharding.import_purge(
    p_move_id uuid, p_attempt integer, p_limit integer,
    inout p_slot smallint, inout p_collection text, inout p_pk text, inout p_id text, out deleted integer)
language plpgsql volatile as $$
begin
    perform sharding.import_check(p_move_id, p_attempt, null);
    select * into p_slot, p_collection, p_pk, p_id, deleted
    from sharding.delete_item_page(
        (select array(select s from sharding.move_import m, unnest(m.slots) s where m.move_id = p_move_id order by s)),
        p_limit, p_slot, p_collection, p_pk, p_id);
end
$$;

-- Writes the seal, when all rows are here. This is the attempt's last transaction before the release. Its commit is behind all other
-- commits of the attempt in the WAL, so a standby or a restored copy that has the seal has all the rows. Raises SH011 if the attempt is
-- over.
create function sharding.import_seal(p_move_id uuid, p_attempt integer, p_seal bytea) returns void
language plpgsql volatile as $$
begin
    perform sharding.import_check(p_move_id, p_attempt, null);
    update sharding.move_import set seal = p_seal where move_id = p_move_id;
end
$$;

-- importing → owned, only if this shard has the seal that the source noted at its release. Returns true also if this is done already.
-- Returns false if this shard is not as it was at the release: it has lost rows, or never had them. The slots keep their peer until they
-- have been compared.
create function sharding.import_own(
    p_move_id uuid, p_attempt integer, p_epoch bigint, p_version_floor bigint, p_seal bytea) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
    import sharding.move_import;
    owned  integer;
begin
    perform sharding.require_read_committed();
    select * into import from sharding.move_import where move_id = p_move_id and attempt = p_attempt for update;
    if not found then
        return exists (select from sharding.move_import_over where move_id = p_move_id and owned_epoch = p_epoch);
    end if;
    if import.owned_epoch is not null then
        return import.owned_epoch = p_epoch;
    end if;
    if import.seal is null or import.seal is distinct from p_seal then
        return false;
    end if;
    update sharding.slot_ownership o
    set state = 'owned', epoch = p_epoch, version_floor = greatest(o.version_floor, p_version_floor), move_id = null, attempt = 0
    from unnest(import.slots) s where o.slot = s and o.move_id = p_move_id and o.state = 'importing';
    get diagnostics owned = row_count;
    if owned <> cardinality(import.slots) then
        raise exception using errcode = 'SH012', message = format('batch %s: not all of its slots are being imported here', p_move_id);
    end if;
    update sharding.move_import set owned_epoch = p_epoch, version_floor = p_version_floor where move_id = p_move_id;
    return true;
end
$$;

-- Notes that every row that was brought is as it was at the source. Deletes what writers stored for the comparison. The caller tells the
-- source only after this is durable.
create function sharding.import_compared(p_move_id uuid) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    import sharding.move_import;
begin
    perform sharding.require_read_committed();
    update sharding.move_import set compared = true where move_id = p_move_id and owned_epoch is not null returning * into import;
    update sharding.slot_ownership o set peer = null
    from unnest(import.slots) s where o.slot = s and o.state = 'owned' and o.epoch = import.owned_epoch and o.peer is not null;
    delete from sharding.before_image where slot = any (import.slots);
end
$$;

-- Ends an import: the slots are owned for good, or the batch was cancelled at the source. Slots that are still importing are given up.
-- move_import_over remembers the last attempt, and whether this shard became the owner of the slots.
create function sharding.import_finish(p_move_id uuid) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    ended sharding.move_import;
begin
    perform sharding.require_read_committed();
    delete from sharding.move_import where move_id = p_move_id returning * into ended;
    if ended.move_id is null then
        return;
    end if;
    delete from sharding.slot_ownership o using unnest(ended.slots) s where o.slot = s and o.move_id = p_move_id and o.state = 'importing';
    update sharding.slot_ownership o set peer = null
    from unnest(ended.slots) s where o.slot = s and o.state = 'owned' and o.epoch = ended.owned_epoch and o.peer is not null;
    delete from sharding.before_image where slot = any (ended.slots);
    insert into sharding.move_import_over as o (move_id, source, slots, attempt, owned_epoch, version_floor, compared)
    values (p_move_id, ended.source, ended.slots, ended.attempt, ended.owned_epoch, ended.version_floor, ended.compared)
    on conflict (move_id) do update
        set attempt = greatest(o.attempt, excluded.attempt), owned_epoch = coalesce(excluded.owned_epoch, o.owned_epoch),
            version_floor = coalesce(excluded.version_floor, o.version_floor), compared = o.compared or excluded.compared,
            ended_at = excluded.ended_at;
end
$$;

-- Ends an import that has not led to ownership, if p_attempt is still its attempt. The attempt is compared, because the canceller may have
-- slept while another mover began a new attempt, copied and released. Without the comparison it would end the import under that release.
create function sharding.import_cancel(p_move_id uuid, p_attempt integer) returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    perform from sharding.move_import where move_id = p_move_id and attempt = p_attempt and owned_epoch is null for update;
    if not found then
        return false;
    end if;
    perform sharding.import_finish(p_move_id);
    return true;
end
$$;

-- A person says that the target's copy is right: this shard owns the slots from now on, with the rows that it has. Raises SH012 if another
-- move brings one of the slots, or if one went on to another shard.
create function sharding.import_keep(
    p_move_id uuid, p_attempt integer, p_source text, p_slots smallint[], p_epoch bigint, p_version_floor bigint) returns void
language plpgsql volatile set enable_seqscan = off as $$
begin
    perform sharding.require_read_committed();
    if exists (select from sharding.slot_ownership o join unnest(p_slots) s on o.slot = s
               where case when o.state = 'importing' then o.move_id is distinct from p_move_id else o.epoch > p_epoch end) then
        raise exception using errcode = 'SH012',
            message = format('batch %s: a slot has gone on since, or another move brings it', p_move_id);
    end if;
    insert into sharding.slot_ownership as o (slot, state, epoch, version_floor)
    select s, 'owned', p_epoch, p_version_floor from unnest(p_slots) s
    on conflict (slot) do update
        set state = 'owned', epoch = p_epoch, peer = null, move_id = null, attempt = 0,
            version_floor = greatest(o.version_floor, p_version_floor);
    insert into sharding.move_import as i (move_id, source, slots, attempt, owned_epoch, version_floor, compared)
    values (p_move_id, p_source, p_slots, p_attempt, p_epoch, p_version_floor, true)
    on conflict (move_id) do update
        set attempt = greatest(i.attempt, p_attempt), owned_epoch = p_epoch, version_floor = p_version_floor, compared = true;
    delete from sharding.before_image where slot = any (p_slots);
end
$$;

-- A person says that the source's copy is right: this shard stops serving the slots. They are "importing" under an attempt that cannot
-- become their owner, until their rows have been purged and the import is cancelled. Waits for writers that are inside (the caller sets
-- lock_timeout). Returns the version floor for the source: its versions must be above it. Raises SH012 if a slot has gone on to another
-- shard, or another move has it.
create function sharding.import_give_back(
    p_move_id uuid, p_attempt integer, p_source text, p_slots smallint[], p_epoch bigint) returns bigint
language plpgsql volatile set enable_seqscan = off as $$
declare
    floor_ bigint;
begin
    perform sharding.require_no_hold();
    perform sharding.require_read_committed();
    perform pg_advisory_xact_lock(1397246027, s.slot) from (select unnest(p_slots)::integer as slot order by 1) s;
    if exists (select from sharding.slot_ownership o join unnest(p_slots) s on o.slot = s
               where (o.state = 'importing' and o.move_id is distinct from p_move_id) or o.state = 'frozen'
                  or (o.state = 'owned' and (o.move_id is not null or o.epoch > p_epoch))
                  or (o.state = 'released' and (o.peer <> p_source or o.epoch > p_epoch))) then
        raise exception using errcode = 'SH012', message = format('batch %s: a slot has gone on since, or another move has it', p_move_id);
    end if;
    select greatest(max(o.version_floor), (extract(epoch from clock_timestamp()) * 1000000)::bigint) into floor_
    from unnest(p_slots) s left join sharding.slot_ownership o on o.slot = s;
    insert into sharding.slot_ownership (slot, state, epoch, move_id, attempt, peer)
    select s, 'importing', p_epoch, p_move_id, p_attempt, p_source from unnest(p_slots) s
    on conflict (slot) do update
        set state = 'importing', move_id = excluded.move_id, attempt = excluded.attempt, peer = excluded.peer, frozen_until = null;
    insert into sharding.move_import (move_id, source, slots, attempt) values (p_move_id, p_source, p_slots, p_attempt)
    on conflict (move_id) do update
        set attempt = excluded.attempt, applied_lsn = null, seal = null, owned_epoch = null, version_floor = null, compared = false;
    update sharding.move_import_over set owned_epoch = null, version_floor = null, compared = false where move_id = p_move_id;
    delete from sharding.before_image where slot = any (p_slots);
    return floor_;
end
$$;

-- Takes the shard out for good: no import begins here afterwards. Returns false if it still has slots, imports some, or has a batch in its
-- journal.
create function sharding.leave() returns boolean
language plpgsql volatile as $$
begin
    perform sharding.require_read_committed();
    update sharding.cluster set leaving = true;
    if exists (select from sharding.slot_ownership where state <> 'released')
       or exists (select from sharding.move_import) or exists (select from sharding.move) then
        update sharding.cluster set leaving = false;
        return false;
    end if;
    return true;
end
$$;
