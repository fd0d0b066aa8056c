-- Backup points. At a backup point no slot of any shard is between two owners. src/ShardAdmin/Backups/BackupPoint.cs has the steps and the
-- argument.

-- The backup points that were made at this shard. A point's row is committed right before the restore point in the WAL, and its lsn right
-- behind the restore point. So a server that was restored exactly to the point has the row without the lsn, and a server that was restored
-- beyond the point has the lsn too.
create table sharding.backup_point (
    name     text collate "C" primary key,
    point_id uuid        not null,                           -- the same in every shard
    begun_at timestamptz not null default clock_timestamp(),
    lsn      pg_lsn                                          -- the end of the restore point; NULL: not known here
);

-- Holds hand-overs at this shard until the session ends. The hold is a lock and not a row, so it ends with its holder. If the process
-- ends, its connection ends. If the process hangs, the server ends its session after idle_session_timeout. If the server stops, all
-- sessions end. A session that still has the lock has had it all the time.
create function sharding.hold_hand_overs() returns void
language sql volatile as $$ select pg_advisory_lock(1397247812, 1) $$;

create function sharding.holds_hand_overs() returns boolean
language sql volatile as $$
    select exists (select from pg_locks
                   where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
                     and classid = 1397247812 and objid = 1 and objsubid = 2
                     and pid = pg_backend_pid() and mode = 'ExclusiveLock' and granted)
$$;

-- Returns whether a session holds hand-overs here, or waits for the lock to hold them: a later request does not overtake one that waits.
create function sharding.hand_overs_are_held() returns boolean
language sql volatile as $$ select not pg_try_advisory_xact_lock_shared(1397247812, 1) $$;

-- Raises SH015 if hand-overs are held; the caller tries again a moment later. Otherwise this transaction has a shared lock, and nobody can
-- hold hand-overs before it has ended. Each step calls this after which a shard's state rests on what another shard did before:
--   move_freeze        while it refuses, no slot is frozen; so none is released, and none comes to another owner
--   import_give_back   the same for slots that a person gives back
--   move_advance       only to "verified", which rests on import_compared at the target
--   move_finish, move_cancel, move_drop   close the journal, and rest on the end of the import at the target
--   move_add           plans a batch. If the batch began here behind the point, and at the target before the point, the target would have
--                      an import that no journal has
--   collection_mark    begins the deletion of a collection, of which the other shards do not know yet
create function sharding.require_no_hold() returns void
language plpgsql volatile as $$
begin
    if sharding.hand_overs_are_held() then
        raise exception using errcode = 'SH015', message = 'a backup point is being made, and hand-overs are held until it is complete';
    end if;
end
$$;
