-- The tables of one shard. They are in the schema "sharding", and the items in the schema "sharding_items". The application's own schemas
-- are not touched.

-- What belongs to one collection: its partition of sharding.item, and the functions that write into it. All of them have the name of the
-- collection (0010_create_partitions.sql).
create schema sharding_items;

-- This row names the cluster and the shard that this database is. It also has a copy of the shard list, from which the ring can be
-- rebuilt.
create table sharding.cluster (
    only_row       boolean primary key default true check (only_row),
    cluster_name   text   not null,
    cluster_id     uuid   not null,
    shard_id       text   not null,
    cursor_secret  bytea  not null check (length(cursor_secret) = 32), -- encrypts cursors; the same in every shard
    ring_epoch     bigint not null,                                    -- of the ring that the shard list below is from
    shards         jsonb  not null,
    leaving        boolean not null default false                      -- true: the shard is taken out, and imports no slots
);

-- This table decides who may read and write a slot. A slot that was never here has no row.
create table sharding.slot_ownership (
    slot          smallint primary key check (slot between 0 and 16383),
    state         text     not null check (state in ('owned', 'frozen', 'released', 'importing')),
    epoch         bigint   not null,              -- of the ring in which this state began
    move_id       uuid,                           -- only this move, in this attempt, may change the row
    attempt       integer  not null default 0,
    peer          text,                           -- released: the new owner; importing: the source; owned: the source until
                                                  -- its rows have been compared (sharding.before_image), then NULL
    frozen_until  timestamptz,                    -- frozen: after this time any process may thaw the slot
    version_floor bigint   not null default 0     -- versions given here are above it, even if the clock is behind
) with (fillfactor = 50);

create table sharding.collection (
    name       text collate "C" primary key check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    options    jsonb       not null default '{}',
    created_at timestamptz not null default now(),
    dropped_at timestamptz                        -- set while it is being deleted: no writes, its name is not free yet
);

-- The items: a partition for each collection. An index on an expression of doc takes heap-only updates (HOT) from every row of its table,
-- so each collection needs a table of its own (docs/adr/0028-a-partition-a-collection.md). The slot comes first in the key for two reasons.
-- A slot is then one range of the key, and a move copies a range. And the replica identity then contains the slot, which a publication with
-- a filter by slot needs.
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
) partition by list (collection);

-- The sweep uses this index (sharding.delete_expired). The slot comes first, so the sweep does not visit expired rows of slots that it
-- skips. There may be millions of them for days.
create index item_expires_at on sharding.item (slot, expires_at) where expires_at is not null;

-- Returns the first 14 bits of SHA-256 over the key's UTF-8 bytes, as SlotHash does in C# (docs/internals/slot-hashing.md).
-- No CHECK on item uses this function: 1.4 µs a row is too much under COPY. The router computes the slot, and `shardadmin verify` checks
-- it.
create function sharding.slot_of(pk text) returns smallint
language plpgsql immutable strict parallel safe as $$
declare
    digest bytea := sha256(convert_to(pk, 'UTF8'));
begin
    return (get_byte(digest, 0) << 6) | (get_byte(digest, 1) >> 2);
end
$$;

-- A version is the time in microseconds, and it is above the slot's version_floor. This machine's clock may be behind versions that were
-- given already: it was set back, or the slots came from a machine whose clock is ahead. Without this trigger, an item that is deleted and
-- created again in that time could get the version that its predecessor had. A client's If-Match that was meant for the predecessor would
-- then match the new item. So the deletion of a version that the clock has not reached raises the floor. This is rare; for all other rows
-- the trigger costs one comparison.
-- Two limits are left, both only while the clock is behind. First, the new item has the same version again if it was deleted and created
-- in one call of write_items, or if the call that created it had read the floor before the deletion was committed. Second, these deletions
-- lock the slot's row in slot_ownership until they commit. So they queue within a slot, and they may deadlock where writers otherwise
-- cannot: one of them is rolled back and carried out alone.

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
