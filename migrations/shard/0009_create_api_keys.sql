-- API keys. Every shard has all of them, as it has all collections: docs/adr/0024-api-keys-live-in-the-shards.md has the reasons.

-- A key is made once, and from then on comes only nearer to its end: expires_at gets earlier, revoked_at is set, last_used_at gets later.
-- So the rows of several shards are merged without a clock and without a winner: revoked if one says so, the earliest expiry, the latest
-- use. A shard that was restored from a backup cannot revive a key that another shard knows to be revoked.
create table sharding.api_key (
    id           text collate "C" primary key check (id ~ '^[0-9A-Za-z]{16}$'),
    name         text        not null check (length(name) between 1 and 100),
    secret_hash  bytea       not null check (length(secret_hash) = 32), -- SHA-256; the secret has 190 random bits
    scopes       text[]      not null,
    collections  text[],                                                -- NULL: all
    partitions   text[],                                                -- exact keys, or beginnings that end in '*'; NULL: all
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz                                            -- about, and in one shard only
);

-- SH016: the change would give a key other rights, or a longer life. Nobody makes such a change but by mistake, and merging rests on it.
create function sharding.keep_api_key() returns trigger
language plpgsql as $$
begin
    if (new.id, new.name, new.secret_hash, new.scopes, new.collections, new.partitions, new.created_at)
           is distinct from (old.id, old.name, old.secret_hash, old.scopes, old.collections, old.partitions, old.created_at)
       or new.expires_at is distinct from least(new.expires_at, old.expires_at)
       or new.revoked_at is distinct from least(new.revoked_at, old.revoked_at)
       or new.last_used_at is distinct from greatest(new.last_used_at, old.last_used_at) then
        raise exception using errcode = 'SH016', message = 'an API key can only come nearer to its end';
    end if;
    return new;
end
$$;

create trigger keep_api_key before update on sharding.api_key for each row execute function sharding.keep_api_key();

-- Changes with every key that is added, goes, or comes nearer to its end. Routers read it once a second, and the rows only if it differs.
-- The last use is left out, because it changes nothing for them. In PL/pgSQL: the planner would look into a function in SQL, and wait for
-- the table's lock there, before the caller's lock_timeout is set.
create function sharding.api_key_digest() returns text
language plpgsql stable as $$
begin
    return (
        select concat(count(*), ' ', bit_xor(hashtextextended(
            format('%s %s %s', id, extract(epoch from expires_at), extract(epoch from revoked_at)), 0)))
        from sharding.api_key);
end
$$;

-- When keys were last used, by a router's clock. Returns how many of them are known here.
create function sharding.api_keys_used(p_ids text[], p_at timestamptz[]) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    known integer;
begin
    perform from sharding.api_key where id = any (p_ids) order by id for update; -- in one order, so that two routers cannot deadlock
    update sharding.api_key k set last_used_at = greatest(k.last_used_at, used.at)
    from unnest(p_ids, p_at) as used (id, at)
    where k.id = used.id;
    get diagnostics known = row_count;
    return known;
end
$$;
