-- A version is the time in microseconds, and above the slot's version_floor. While this machine's clock is behind versions that were given
-- already (it was set back, or the slots came from a machine that is ahead), an item that is deleted and created again got the
-- version that its predecessor had had, and a client's If-Match that was meant for that one held. So a deleted version that the clock
-- has not reached raises the floor. That is rare, and on all other rows it costs a comparison.
-- Left, all only while the clock is behind: deleted and created again in one call of write_items, or created by a call that had read the
-- floor before the deletion was committed, it has the same version again; and deletions lock the slot's row here until they commit, so
-- writers of one slot queue, and may deadlock where they otherwise cannot: one of them is rolled back and carried out alone.

create function sharding.keep_deleted_version() returns trigger
language plpgsql as $$
begin
    update sharding.slot_ownership set version_floor = old.version where slot = old.slot and version_floor < old.version;
    return null;
end
$$;

create trigger keep_deleted_version after delete on sharding.item for each row
when (old.version >= (extract(epoch from clock_timestamp()) * 1000000)::bigint)
execute function sharding.keep_deleted_version();
