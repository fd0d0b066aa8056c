-- The roles of a shard, and what they need of their database. `shardadmin grants` prints this file. Run it in each shard's database, before
-- `shardadmin migrate` or behind it, as a superuser, or on a managed Postgres as its administrator (createrole, owner of the database).
-- It may be run again at any time. It sets no passwords: \password sharding_router, and so on.
--
-- The rights on tables and functions are not here: `shardadmin migrate` sets them, and doctor tells what is missing
-- (select * from sharding.rights_wanted()).

do $$
declare
    manages_replication constant boolean := exists (select from pg_roles where rolname = 'rds_replication');
    needed              record;
    statement           text;
begin
    -- 1. The roles. They are the same in all databases of a server. Several shards may be made at the same time.
    for needed in select * from (values
        ('sharding_owner', 'nologin'), -- owns schema, tables and functions; whoever runs `shardadmin migrate` is a member of it
        ('sharding_router', 'login'),
        ('sharding_mover', 'login'),   -- shardadmin and the agent
        ('sharding_reader', 'login')   -- monitoring
    ) as role_ (name, may) loop
        if not exists (select from pg_roles where rolname = needed.name) then
            begin
                execute format('create role %I %s', needed.name, needed.may);
            exception when duplicate_object or unique_violation then
                null; -- somebody else made it just now
            end;
        end if;
    end loop;
    if not (select rolsuper from pg_roles where rolname = current_user) and not pg_has_role(current_user, 'sharding_owner', 'member') then
        execute format('grant sharding_owner to %I', current_user);
    end if;

    -- 2. What they need of the server. A mover streams changes and asks how far standbys are.
    if manages_replication then
        grant rds_replication to sharding_mover;
    elsif not (select rolreplication from pg_roles where rolname = 'sharding_mover') then
        begin
            alter role sharding_mover replication;
        exception when insufficient_privilege then
            raise notice 'no moves from here: this user cannot give sharding_mover "replication"';
        end;
    end if;
    if not (pg_has_role('sharding_mover', 'pg_monitor', 'member') and pg_has_role('sharding_reader', 'pg_monitor', 'member')) then
        begin
            grant pg_monitor to sharding_mover, sharding_reader;
        exception when insufficient_privilege then
            raise notice 'no moves from here while it has standbys: this user cannot grant pg_monitor';
        end;
    end if;

    -- 3. What the server logs of them. The detail of an error, and the parameters of a statement, can be a document or a key.
    for needed in select role_, setting from unnest('{sharding_router,sharding_mover}'::text[]) role_, unnest(array[
        'log_error_verbosity = terse', 'log_parameter_max_length = 0', 'log_parameter_max_length_on_error = 0']) setting loop
        begin
            execute format('alter role %I set %s', needed.role_, needed.setting);
        exception when insufficient_privilege then
            raise notice 'this user cannot set % for %: errors in the log of the server may have keys and documents', needed.setting, needed.role_;
        end;
    end loop;

    -- 4. The database: nobody else connects, and nobody but the owner makes anything in it.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to sharding_owner, sharding_router, sharding_mover, sharding_reader', current_database());
    execute format('grant create on database %I to sharding_owner', current_database()); -- the schema, and publications
    begin
        revoke create on schema public from public; -- databases from before Postgres 15 have it
    exception when invalid_schema_name then
        null;
    end;

    -- 5. Backup points (`shardadmin backup point`). A managed Postgres does not give these away.
    begin
        grant execute on function pg_create_restore_point(text), pg_switch_wal() to sharding_mover;
    exception when insufficient_privilege then
        raise notice 'no backup points here: this user cannot grant pg_create_restore_point and pg_switch_wal';
    end;

    -- 6. What another user made before there were roles.
    for statement in
        select format('alter schema %I owner to sharding_owner', nspname) from pg_namespace
        where nspname in ('sharding', 'sharding_items') and nspowner <> 'sharding_owner'::regrole
        union all
        select format('alter table %s owner to sharding_owner', oid::regclass) from pg_class
        where relnamespace in (to_regnamespace('sharding'), to_regnamespace('sharding_items')) and relkind in ('r', 'p')
              and relowner <> 'sharding_owner'::regrole
        union all
        select format('alter function %s owner to sharding_owner', oid::regprocedure) from pg_proc
        where pronamespace in (to_regnamespace('sharding'), to_regnamespace('sharding_items')) and proowner <> 'sharding_owner'::regrole
        union all
        select format('alter publication %I owner to sharding_owner', pubname) from pg_publication
        where starts_with(pubname, 'sharding_move_') and pubowner <> 'sharding_owner'::regrole
    loop
        execute statement;
    end loop;
end
$$;
