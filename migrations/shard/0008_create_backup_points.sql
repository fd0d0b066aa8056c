-- Backup points: a moment at which no slot is between two owners, on any shard. src/ShardAdmin/Backups/BackupPoint.cs has the steps and the
-- argument.

-- The points that were made here. A point's row is committed right before the restore point in the WAL, and its place right behind it. So a
-- server that was restored exactly to the point has the row without a place, and one that was restored beyond it has the place too.
create table sharding.backup_point (
    name     text collate "C" primary key,
    point_id uuid        not null,                           -- the same in every shard
    begun_at timestamptz not null default clock_timestamp(),
    lsn      pg_lsn                                          -- the end of the restore point; NULL: not known here
);

-- Holds hand-overs at this shard until the session ends. It is a lock and not a row, so it dies with whoever has it: with the process,
-- whose connection ends; with a process that hangs, whose session the server ends after idle_session_timeout; and with the server. A
-- session that still has the lock has had it all the time.
create function sharding.hold_hand_overs() returns void
language sql volatile as $$ select pg_advisory_lock(1397247812, 1) $$;

create function sharding.holds_hand_overs() returns boolean
language sql volatile as $$
    select exists (select from pg_locks
                   where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
                     and classid = 1397247812 and objid = 1 and objsubid = 2 and pid = pg_backend_pid() and mode = 'ExclusiveLock' and granted)
$$;

-- Whether somebody holds hand-overs here, or is about to: who comes after one that waits for the lock does not overtake it.
create function sharding.hand_overs_are_held() returns boolean
language sql volatile as $$ select not pg_try_advisory_xact_lock_shared(1397247812, 1) $$;

-- SH015: hand-overs are held; the caller tries again a moment later. Otherwise they are not held before this transaction has ended.
-- Called by each step after which a shard's state rests on what another shard did before:
--   move_freeze        no slot is frozen, and so none is released, and so none comes to another owner
--   import_give_back   nor by a person's word
--   move_advance       to "verified", which rests on import_compared at the target
--   move_finish, move_cancel, move_drop   close the journal, and rest on the end of the import at the target
--   move_add           plans a batch: if it began here behind the point, and at the target before it, no journal would have that import
--   collection_mark    begins the deletion of a collection, of which the other shards know nothing yet
create function sharding.require_no_hold() returns void
language plpgsql volatile as $$
begin
    if sharding.hand_overs_are_held() then
        raise exception using errcode = 'SH015', message = 'a backup point is being made, and hand-overs are held until it is there';
    end if;
end
$$;
