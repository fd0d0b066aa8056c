-- What one shard keeps. Everything lives in the schema "sharding"; the application's own schemas are left alone.

-- Which cluster and which shard this database is, and the copy of the shard list from which the ring can be rebuilt.
create table sharding.cluster (
    only_row       boolean primary key default true check (only_row),
    cluster_name   text   not null,
    cluster_id     uuid   not null,
    shard_id       text   not null,
    cursor_secret  bytea  not null check (length(cursor_secret) = 32), -- signs the cursors of all routers alike
    ring_epoch     bigint not null,                                    -- of the shard list below
    shards         jsonb  not null
);

-- The decision who may touch a slot. A slot that never was here has no row.
create table sharding.slot_ownership (
    slot          smallint primary key check (slot between 0 and 16383),
    state         text     not null check (state in ('owned', 'frozen', 'released', 'importing')),
    epoch         bigint   not null,              -- of the ring in which this state came about
    move_id       uuid,                           -- with attempt: only this move, in this try, may change the row
    attempt       integer  not null default 0,
    peer          text,                           -- released: the new owner; importing: the source
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

create index item_expires_at on sharding.item (expires_at) where expires_at is not null;

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
