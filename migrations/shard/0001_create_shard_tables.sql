-- What one shard keeps. Everything lives in the schema "sharding"; the application's own schemas are left alone.

-- Which cluster and which shard this database is, and the copy of the shard list from which the ring can be rebuilt.
create table sharding.cluster (
    only_row       boolean primary key default true check (only_row),
    cluster_name   text   not null,
    cluster_id     uuid   not null,
    shard_id       text   not null,
    cursor_secret  bytea  not null check (length(cursor_secret) = 32), -- signs the cursors of all routers alike
    ring_epoch     bigint not null,                                    -- of the shard list below
    shards         jsonb  not null,
    leaving        boolean not null default false                      -- taken out: it takes no slots in any more
);

-- The decision who may touch a slot. A slot that never was here has no row.
create table sharding.slot_ownership (
    slot          smallint primary key check (slot between 0 and 16383),
    state         text     not null check (state in ('owned', 'frozen', 'released', 'importing')),
    epoch         bigint   not null,              -- of the ring in which this state came about
    move_id       uuid,                           -- with attempt: only this move, in this try, may change the row
    attempt       integer  not null default 0,
    peer          text,                           -- released: the new owner; importing: the source; owned: the source, until
                                                  -- what it brought has been compared (see sharding.before_image)
    frozen_until  timestamptz,                    -- frozen: after this anybody may thaw it
    version_floor bigint   not null default 0     -- versions given here are above it, whatever this machine's clock says
) with (fillfactor = 50);

create table sharding.collection (
    name       text collate "C" primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    options    jsonb       not null default '{}',
    created_at timestamptz not null default now(),
    dropped_at timestamptz                        -- being deleted: takes no writes, its name is not free yet
);

-- The items. The slot leads the key, so that a slot is one range of it: a move copies a range, and the replica
-- identity covers the slot, which a publication filtered by slot needs.
create table sharding.item (
    version    bigint      not null,
    updated_at timestamptz not null,
    expires_at timestamptz,
    slot       smallint    not null,
    collection text collate "C" not null,
    pk         text collate "C" not null,
    id         text collate "C" not null,
    doc        jsonb       not null,
    primary key (slot, collection, pk, id)
) with (fillfactor = 90);

-- For the sweep (sharding.delete_expired). The slot leads, so that what lies in slots that are not swept, perhaps millions of rows for
-- days, is not visited.
create index item_expires_at on sharding.item (slot, expires_at) where expires_at is not null;

-- The first 14 bits of SHA-256 over the key's UTF-8: the same as SlotHash in C# (docs/slot-hashing.md).
-- No CHECK on item uses it: 1.4 µs a row is too much under COPY; the router computes the slot, verify holds rows to it.
create function sharding.slot_of(pk text) returns smallint
language plpgsql immutable strict parallel safe as $$
declare
    digest bytea := sha256(convert_to(pk, 'UTF8'));
begin
    return (get_byte(digest, 0) << 6) | (get_byte(digest, 1) >> 2);
end
$$;

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
