-- The audit log: who changed what, when, and how it ended. Every shard has it, so it survives Redis. `shardadmin audit` merges the shards.
-- Nobody changes or deletes an entry but the owner: roles may only call audit_add, and time and role are not theirs to say.
create table sharding.audit (
    entry  bigint generated always as identity primary key,
    run    uuid        not null default gen_random_uuid(), -- of a command: the same in every shard, at its begin and its end
    at     timestamptz not null default clock_timestamp(),
    role   text        not null default session_user,
    who    text        not null,                           -- user@host, or the API key of a request by its id
    what   text        not null,                           -- the command with its arguments, or what happened; no secret is in it
    result text                                            -- NULL: it begins
);

create index audit_at on sharding.audit (at);

-- Adds an entry. Entries go after 400 days, so that a year can be looked at.
create function sharding.audit_add(p_run uuid, p_who text, p_what text, p_result text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into sharding.audit (run, who, what, result) values (p_run, left(p_who, 200), left(p_what, 2000), left(p_result, 2000));
    delete from sharding.audit where at < clock_timestamp() - interval '400 days';
end
$$;

-- What happens to these tables is an entry of the same transaction, whoever does it and by whichever command. Sessions of shardadmin say
-- who they are in sharding.by, and collection_create says it of a request.
create function sharding.audit_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    who  constant text := coalesce(nullif(current_setting('sharding.by', true), ''), current_setting('application_name'));
    what text;
    happened text := 'done';
begin
    case tg_table_name
        when 'collection' then
            what := format('collection %s %s', coalesce(new.name, old.name),
                case when tg_op = 'INSERT' then 'is created' when tg_op = 'DELETE' then 'is gone' else 'is being deleted' end);
        when 'item_index' then
            what := format('index %s of collection %s %s', coalesce(new.name, old.name), coalesce(new.collection, old.collection),
                case when tg_op = 'INSERT' then 'is defined' when tg_op = 'DELETE' or new.state = 'dropped' then 'is gone' when new.state = 'building' then 'is to be built'
                     when new.state = 'built' then 'is built here' when new.state = 'failed' then 'could not be built'
                     when new.state = 'ready' then 'is built in all shards' else 'is to be dropped' end);
        when 'api_key' then
            what := format('API key %s %s', new.id,
                case when tg_op = 'INSERT' then format('is made: %s, scopes %s', new.name, array_to_string(new.scopes, ','))
                     when new.revoked_at is distinct from old.revoked_at then 'is revoked'
                     else format('ends at %s', new.expires_at) end);
        when 'move' then
            what := format('operation %s, batch %s, %s slots to %s: %s', new.operation_id, new.ordinal, cardinality(new.slots), new.target,
                case when tg_op = 'INSERT' then 'is planned' when new.attempt > old.attempt then 'begins'
                     when new.settled is distinct from old.settled then coalesce('is settled by the copy of the ' || new.settled, 'is open again')
                     when (new.disputed is null) <> (old.disputed is null)
                         then case when new.disputed is null then 'is in dispute no more' else 'is in dispute' end
                     when new.wanted <> old.wanted then 'is to ' || new.wanted
                     when new.phase = 'released' then format('is released at epoch %s', new.epoch)
                     else 'is owned by the target' end);
        when 'move_history' then
            what := format('operation %s, batch %s, %s slots to %s: ends', new.operation_id, new.ordinal, cardinality(new.slots), new.target);
            happened := new.outcome;
    end case;
    insert into sharding.audit (who, what, result) values (left(who, 200), left(what, 2000), happened);
    return null;
end
$$;

create trigger audit_event after insert or delete or update of dropped_at on sharding.collection
for each row execute function sharding.audit_event();

create trigger audit_event after insert on sharding.api_key for each row execute function sharding.audit_event();

create trigger audit_end after update on sharding.api_key for each row
when ((new.revoked_at, new.expires_at) is distinct from (old.revoked_at, old.expires_at))
execute function sharding.audit_event();

create trigger audit_event after insert on sharding.move for each row execute function sharding.audit_event();

create trigger audit_step after update on sharding.move for each row
when (new.attempt > old.attempt or (new.disputed is null) <> (old.disputed is null) or new.settled is distinct from old.settled
      or new.wanted <> old.wanted or (new.phase in ('released', 'owned') and old.phase in ('frozen', 'released', 'copying', 'planned')
                                      and new.phase <> old.phase))
execute function sharding.audit_event();

create trigger audit_event after insert on sharding.move_history for each row execute function sharding.audit_event();
