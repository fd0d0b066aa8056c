-- Two corrections to 0005 and 0006, found by the exhaustive search over the protocol (tests/ShardCore.Tests/Moves/Model).

-- An import that is over must not be begun again by a mover that slept since before its end: nobody would ever end it, the
-- slots would stay "importing" here, and no other move could bring them. So its last attempt is remembered.
create table sharding.move_import_over (
    move_id  uuid        primary key,
    attempt  integer     not null,
    ended_at timestamptz not null default clock_timestamp()
);

-- Target. As in 0005, and it refuses (SH011) an attempt of an import that is over, and (SH010) slots that were given away
-- from here by a move that still stands in the journal: its mover may publish the ring that it led to, and compares and
-- cleans the rows that would be purged.
create or replace function sharding.import_begin(p_move_id uuid, p_attempt integer, p_source text, p_slots smallint[], p_epoch bigint) returns void
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
    if exists (select from sharding.slot_ownership o join sharding.move m on m.move_id = o.move_id
               where o.slot = any (p_slots) and o.state = 'released') then
        raise exception using errcode = 'SH010', message = format('batch %s: a slot was given away from here by a move that is not finished', p_move_id);
    end if;
    insert into sharding.move_import (move_id, source, slots, attempt) values (p_move_id, p_source, p_slots, p_attempt)
    on conflict (move_id) do update set attempt = excluded.attempt, applied_lsn = null where move_import.attempt < excluded.attempt
    returning attempt into known;
    -- After the insert, which waits for whoever ends the import at this moment: the later statement sees that it is over.
    if known is null or exists (select from sharding.move_import_over where move_id = p_move_id and attempt >= p_attempt) then
        raise exception using errcode = 'SH011', message = format('attempt %s of batch %s is over', p_attempt, p_move_id);
    end if;
    -- Kept for so long only to keep this table small; who sleeps longer leaves an import behind, and can do no other harm.
    delete from sharding.move_import_over where ended_at < clock_timestamp() - interval '30 days';
    insert into sharding.slot_ownership (slot, state, epoch, move_id, attempt, peer)
    select s, 'importing', p_epoch, p_move_id, p_attempt, p_source from unnest(p_slots) s
    on conflict (slot) do update
        set state = 'importing', move_id = excluded.move_id, attempt = excluded.attempt, peer = excluded.peer, frozen_until = null;
end
$$;

-- Target. As in 0005, and remembers which attempt was the last.
create or replace function sharding.import_finish(p_move_id uuid) returns void
language plpgsql volatile as $$
declare
    ended integer;
begin
    perform sharding.require_read_committed();
    delete from sharding.slot_ownership where move_id = p_move_id and state = 'importing';
    delete from sharding.move_import where move_id = p_move_id returning attempt into ended;
    if ended is not null then
        insert into sharding.move_import_over (move_id, attempt) values (p_move_id, ended)
        on conflict (move_id) do update set attempt = greatest(move_import_over.attempt, excluded.attempt), ended_at = excluded.ended_at;
    end if;
end
$$;
