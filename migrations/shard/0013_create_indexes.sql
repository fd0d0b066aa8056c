-- Indexes on fields of documents (docs/adr/0031-indexes.md). A definition is in every shard; each shard has the index of its own partition.
-- Indexes on a table that has rows are built concurrently, which no function can do: `shardadmin` does that, as the owner.
--
-- A shard may come back without its last commits. So two definitions of one name are told apart by created_at, which all shards have from
-- the one that had the definition first, and the later one counts. What was dropped stays as "dropped": it outlives a definition of its time
-- that a shard has kept, and gives way to a later one.

create table sharding.item_index (
    collection text collate "C" not null references sharding.collection on delete cascade,
    name       text collate "C" not null check (name ~ '^[a-z][a-z0-9_-]{0,62}$' and name not in ('pkey', 'expires_at')),
    fields     jsonb       not null                        -- [{"path":"a.b","steps":["a","b"],"type":"number","dir":"asc"}, …]
               check (jsonb_typeof(fields) = 'array' and jsonb_array_length(fields) between 1 and 3
                      and not fields @? '$[*] ? (!(@.dir == "asc" || @.dir == "desc"))'),
    is_unique  boolean     not null,                       -- among the items of one partition key
    created_at timestamptz not null default now(),         -- the same in all shards
    state      text        not null default 'building'     -- built: here; ready: in all shards; dropped: there is no such index
               check (state in ('building', 'built', 'ready', 'failed', 'dropping', 'dropped')),
    progress   real        not null default 0,             -- of the build in this shard, 0 to 1
    problem    text,                                       -- failed: why
    primary key (collection, name)
);

-- The place of a value in an order: numbers, then texts by the bytes of their first 256 characters, then false and true, then everything
-- else, which is one value. Queries and indexes have the same three expressions, so an index serves a query's order. None is ever NULL:
-- where a value has no number or no text, an equality says so, and the planner then knows that the order goes on with the next field.
create function sharding.value_rank(v jsonb) returns smallint
language sql immutable parallel safe as $$
    select case jsonb_typeof(v) when 'number' then 0 when 'string' then 1 when 'boolean' then 2 else 3 end::smallint
$$;

create function sharding.value_number(v jsonb) returns numeric
language sql immutable parallel safe as $$
    select case jsonb_typeof(v) when 'number' then v::numeric when 'boolean' then v::boolean::integer::numeric else 0 end
$$;

create function sharding.value_text(v jsonb) returns text
language sql immutable parallel safe as $$
    select case jsonb_typeof(v) when 'string' then left(v #>> '{}', 256) else '' end collate "C"
$$;

-- The value as a text that is equal only for equal values; NULL for everything but a number, a text, false and true.
create function sharding.value_identity(v jsonb) returns text
language sql immutable parallel safe as $$
    select case jsonb_typeof(v)
        when 'number' then 'n' || trim_scale(v::numeric)
        when 'string' then case when octet_length(v #>> '{}') <= 128 then 's' || (v #>> '{}')
                                else 'h' || encode(sha256(convert_to(v #>> '{}', 'UTF8')), 'hex') end
        when 'boolean' then 'b' || (v #>> '{}') end collate "C"
$$;

-- The field of a document as an expression of SQL, as FieldSql.cs writes it. #> takes '-1' and '01' for places in an array; such a step goes
-- by ->.
create function sharding.field_sql(p_steps text[]) returns text
language plpgsql immutable as $$
declare
    field  text := 'doc';
    from_  integer := 1;
    to_    integer;
begin
    while from_ <= cardinality(p_steps) loop
        to_ := from_;
        while to_ <= cardinality(p_steps)
              and (p_steps[to_] !~ '[0-9]$' or (p_steps[to_] ~ '^(0|[1-9][0-9]{0,9})$' and p_steps[to_]::bigint <= 2147483647)) loop
            to_ := to_ + 1;
        end loop;
        if to_ > from_ then
            field := format('(%s #> %L::text[])', field, p_steps[from_:to_ - 1]::text);
        end if;
        if to_ <= cardinality(p_steps) then
            field := format('(%s -> %L::text)', field, p_steps[to_]);
            to_ := to_ + 1;
        end if;
        from_ := to_;
    end loop;
    return field;
end
$$;

-- The name of the index in the schema sharding_items. It has a dot, which no collection has, and at most 61 characters. A shortened one
-- has two, which no other has.
create function sharding.index_relation(p_collection text, p_name text) returns text
language sql immutable as $$
    select case when length(p_collection) + length(p_name) <= 60 then p_collection || '.' || p_name
                else left(p_collection, 15) || '..' || left(encode(sha256((p_collection || '.' || p_name)::bytea), 'hex'), 32) end
$$;

-- What builds the index: one statement, and a second one for a unique index. The owner of the schema executes them, and a router or mover
-- wrote the definition. So each part of it is quoted, or one of two words.
create function sharding.index_statements(p_collection text, p_name text, p_concurrently boolean) returns setof text
language sql stable as $$
    select format('create index %s %I on sharding_items.%I (%s, pk, id)', case when p_concurrently then 'concurrently' end,
        sharding.index_relation(i.collection, i.name), i.collection,
        (select string_agg(format('sharding.value_rank(%1$s), sharding.value_number(%1$s) %2$s, '
             '(sharding.value_text(%1$s) collate "C") %2$s',
             sharding.field_sql(array(select jsonb_array_elements_text(f.field -> 'steps'))),
             case f.field ->> 'dir' when 'desc' then 'desc' else 'asc' end), ', ' order by f.place)
         from jsonb_array_elements(i.fields) with ordinality f (field, place)))
    from sharding.item_index i where i.collection = p_collection and i.name = p_name
    union all
    select format('create unique index %s %I on sharding_items.%I (pk, %s)', case when p_concurrently then 'concurrently' end,
        sharding.index_relation(i.collection, i.name) || '.u', i.collection,
        (select string_agg(format('(sharding.value_identity(%s) collate "C")',
             sharding.field_sql(array(select jsonb_array_elements_text(f.field -> 'steps')))), ', ' order by f.place)
         from jsonb_array_elements(i.fields) with ordinality f (field, place)))
    from sharding.item_index i where i.collection = p_collection and i.name = p_name and i.is_unique
$$;

-- The definitions, also the dropped ones, and how each is in this shard. relation: its name in Postgres; the one for uniqueness has '.u' behind it.
-- is_valid: Postgres has it, whole. A build that was broken off leaves one that is not valid.
create function sharding.indexes() returns table (
    collection text, name text, fields jsonb, is_unique boolean, created_at timestamptz, state text, progress real, problem text,
    relation text, is_valid boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select i.collection, i.name, i.fields, i.is_unique, i.created_at, i.state, i.progress, i.problem, r.name,
           (select count(*) = case when i.is_unique then 2 else 1 end
            from pg_class c join pg_index x on x.indexrelid = c.oid
            where c.relnamespace = 'sharding_items'::regnamespace and c.relname in (r.name, r.name || '.u') and x.indisvalid)
    from sharding.item_index i cross join lateral (select sharding.index_relation(i.collection, i.name) as name) r
    order by i.collection, i.name
$$;

-- Drops what Postgres has of an index. Raises lock_not_available if the table is in use for longer than 200 ms.
create function sharding.drop_index_relations(p_collection text, p_name text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
begin
    execute format('drop index if exists sharding_items.%I, sharding_items.%I',
        sharding.index_relation(p_collection, p_name), sharding.index_relation(p_collection, p_name) || '.u');
end
$$;

-- Builds the index of a table without rows in the transaction that defines it: so a shard that joins has it before it takes slots. If the
-- table has rows, or is in use, the index is built later. Nobody waits for this for longer than 200 ms.
create function sharding.build_empty_index() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    statement text;
begin
    if pg_relation_size(format('sharding_items.%I', new.collection)::regclass) > 0 then
        if new.state in ('built', 'ready') then
            update sharding.item_index set state = 'building', progress = 0 where collection = new.collection and name = new.name;
        end if;
        return null;
    end if;
    for statement in select sharding.index_statements(new.collection, new.name, false) loop
        execute statement;
    end loop;
    update sharding.item_index set state = case when new.state = 'ready' then 'ready' else 'built' end, progress = 1
    where collection = new.collection and name = new.name;
    return null;
exception when lock_not_available or unique_violation then -- somebody writes just now
    update sharding.item_index set state = 'building', progress = 0 where collection = new.collection and name = new.name;
    return null;
end
$$;

create trigger build_empty after insert on sharding.item_index for each row
when (new.state not in ('dropping', 'dropped', 'failed')) execute function sharding.build_empty_index();

-- Defines an index in this shard. p_by is who wants it, for the audit log. p_created_at: the time of the definition in the shard that has it
-- already; NULL: this is the first one. Returns that time, and as outcome: created; existed; again (a build that had failed is to be
-- repeated); differs (another definition has the name); dropping (or it was dropped since); no_collection; too_many (10 for a collection).
-- Raises SH014 if slots move and the index is unique: a shard that has the index already could not take rows of one that has not.
create function sharding.index_create(
    p_collection text, p_name text, p_fields jsonb, p_unique boolean, p_by text, p_created_at timestamptz,
    out outcome text, out created_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    known     sharding.item_index;
    is_later  boolean; -- the one that is wanted is later than the one that this shard knows
    is_same   boolean;
begin
    perform sharding.require_read_committed();
    perform sharding.lock_plans();
    perform set_config('sharding.by', p_by, true);
    perform from sharding.collection where name = p_collection and dropped_at is null for share;
    if not found then
        outcome := 'no_collection';
        return;
    end if;
    select * into known from sharding.item_index i where i.collection = p_collection and i.name = p_name for update;
    is_later := coalesce(p_created_at > known.created_at, true);
    is_same := known.fields = p_fields and known.is_unique = p_unique;
    created_at := greatest(known.created_at, p_created_at);
    outcome := case
        when known.state = 'dropped' and not is_later then 'dropping'
        when known.state = 'dropping' and (p_created_at is null or not is_later or not is_same) then 'dropping'
        when known.state <> 'dropped' and not is_same then 'differs'
        when known.state in ('building', 'built', 'ready') then 'existed'
        when known.state in ('failed', 'dropping') then 'again'
        when (select count(*) from sharding.item_index i where i.collection = p_collection and i.state <> 'dropped') >= 10 then 'too_many'
        else 'created' end;
    if outcome = 'existed' then
        update sharding.item_index i set created_at = index_create.created_at
        where i.collection = p_collection and i.name = p_name and i.created_at < index_create.created_at;
    end if;
    if outcome not in ('again', 'created') then
        return;
    end if;
    if p_unique and (exists (select from sharding.move) or exists (select from sharding.move_import)) then
        raise exception using errcode = 'SH014', message = 'slots move';
    end if;
    if outcome = 'again' then
        update sharding.item_index i set state = 'building', progress = 0, problem = null, created_at = index_create.created_at
        where i.collection = p_collection and i.name = p_name;
        return;
    end if;
    created_at := coalesce(p_created_at, greatest(now(), known.created_at + interval '1 microsecond'));
    delete from sharding.item_index i where i.collection = p_collection and i.name = p_name;
    insert into sharding.item_index (collection, name, fields, is_unique, created_at)
    values (p_collection, p_name, p_fields, p_unique, index_create.created_at);
end
$$;

-- Notes that all shards have the index: queries count on it from now on. Returns false if this shard has not.
create function sharding.index_ready(p_collection text, p_name text, p_by text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform sharding.require_read_committed();
    perform set_config('sharding.by', p_by, true);
    if not exists (select from sharding.indexes() where collection = p_collection and name = p_name and is_valid) then
        return false;
    end if;
    update sharding.item_index set state = 'ready', progress = 1, problem = null
    where collection = p_collection and name = p_name and state = 'built';
    return exists (select from sharding.item_index where collection = p_collection and name = p_name and state = 'ready');
end
$$;

-- Marks an index to be dropped: no query counts on it any more, and a build ends. Returns false if there is none.
create function sharding.index_unwant(p_collection text, p_name text, p_by text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform sharding.require_read_committed();
    perform set_config('sharding.by', p_by, true);
    update sharding.item_index set state = 'dropping' where collection = p_collection and name = p_name and state <> 'dropped';
    return found;
end
$$;

-- Drops an index that is marked; of its definition it is kept that it was dropped. Raises lock_not_available if the table is in use; the caller tries again. Also while
-- somebody builds an index of the collection: who builds holds this lock ("SHIX" as a number) from before it reads the definition. So no
-- index comes into being whose definition is gone, and nobody queues up behind this call while it waits for the table.
create function sharding.index_drop(p_collection text, p_name text, p_by text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform sharding.require_read_committed();
    perform set_config('sharding.by', p_by, true);
    if not pg_try_advisory_xact_lock(1397246296, hashtext(p_collection)) then
        raise exception using errcode = 'lock_not_available', message = format('an index of the collection %s is being built', p_collection);
    end if;
    perform from sharding.item_index where collection = p_collection and name = p_name and state = 'dropping' for update;
    if found then
        perform sharding.drop_index_relations(p_collection, p_name);
        update sharding.item_index set state = 'dropped', progress = 0, problem = null where collection = p_collection and name = p_name;
    end if;
end
$$;

create trigger audit_event after insert or delete on sharding.item_index for each row execute function sharding.audit_event();

create trigger audit_step after update on sharding.item_index for each row
when (new.state <> old.state) execute function sharding.audit_event();
