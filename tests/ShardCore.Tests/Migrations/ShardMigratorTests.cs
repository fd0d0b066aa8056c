using Dapper;
using Npgsql;
using ShardCore.Migrations;
using TestCluster;

namespace ShardCore.Tests.Migrations;

public sealed class ShardMigratorTests(SharedPostgres postgres)
{
    private static readonly Migration First = Migration.FromFile("0001_create_thing.sql", """
        create table sharding.thing (id integer primary key, name text collate "C" not null default 'x', at timestamptz);
        create function sharding.twice(x integer) returns integer language sql immutable as $$ select x * 2; $$;
        """);

    private static readonly Migration Second = Migration.FromFile("0002_add_color.sql", """
        alter table sharding.thing add column color text;
        create index thing_color on sharding.thing (color);
        """);

    private static readonly Migration Third = Migration.FromFile("0003_add_size.sql", "alter table sharding.thing add column size integer check (size > 0);");

    [Fact]
    public async Task An_empty_database_gets_the_schema_of_this_program()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        string[] all = [.. ShardMigrator.Known.Select(file => file.FileName)];

        var inspected = await new ShardMigrator().InspectAsync(database.DataSource, default);
        var migrated = await new ShardMigrator().MigrateAsync(database.DataSource, default);
        var again = await new ShardMigrator().MigrateAsync(database.DataSource, default);

        Assert.Equivalent(new MigrationResult(0, 0, [], all, MigrationState.Pending, null), inspected, strict: true);
        Assert.Equivalent(new MigrationResult(0, all.Length, all, [], MigrationState.Migrated, null), migrated, strict: true);
        Assert.Equivalent(new MigrationResult(all.Length, all.Length, [], [], MigrationState.UpToDate, null), again, strict: true);
    }

    [Fact]
    public async Task Inspecting_changes_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await Inspect(database, First, Second);

        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname = 'sharding'"));
    }

    [Fact]
    public async Task Only_missing_files_are_applied_and_each_is_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First);

        var result = await Migrate(database, First, Second, Third);

        Assert.Equivalent(new MigrationResult(1, 3, [Second.FileName, Third.FileName], [], MigrationState.Migrated, null), result, strict: true);
        Assert.Equal(
            $"1 0001_create_thing.sql {First.Checksum}, 2 0002_add_color.sql {Second.Checksum}, 3 0003_add_size.sql {Third.Checksum}",
            await database.ScalarAsync<string>("""
                select string_agg(concat_ws(' ', version, name, checksum), ', ' order by version)
                from sharding.schema_migration where applied_at <= now() and applied_by <> '' and fingerprint ~ '^[0-9a-f]{64}$'
                """));
    }

    [Fact]
    public async Task A_failing_file_leaves_nothing_of_itself_and_those_before_it_stay()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var broken = Migration.FromFile("0002_break_half.sql", "create table sharding.half (x int); select 1/0;");

        await Assert.ThrowsAsync<PostgresException>(() => Migrate(database, First, broken));
        var afterwards = await Migrate(database, First, Second);

        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_class where relname = 'half'"));
        Assert.Equal(1, afterwards.VersionBefore);
        Assert.Equal(2, afterwards.VersionAfter);
    }

    [Fact]
    public async Task Many_migrators_at_once_apply_each_file_exactly_once()
    {
        for (var round = 0; round < 5; round++)
        {
            await using var database = await postgres.CreateDatabaseAsync();

            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Migrate(database, First, Second, Third))));

            Assert.All(results, result => Assert.True(result.IsCurrent, result.Problem));
            Assert.Equal([First.FileName, Second.FileName, Third.FileName], results.SelectMany(result => result.Applied));
        }
    }

    [Fact]
    public async Task A_changed_old_file_is_refused_by_name_and_nothing_is_applied()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second);
        var changed = First with { Sql = First.Sql + "\n" };

        var result = await Migrate(database, Migration.FromFile(changed.FileName, changed.Sql), Second, Third);

        Assert.Equal(MigrationState.ChangedFile, result.State);
        Assert.Contains("0001_create_thing.sql", result.Problem, StringComparison.Ordinal);
        Assert.Equal([Third.FileName], result.Pending);
        Assert.Equal(2, await AppliedCount(database));
    }

    [Fact]
    public async Task A_file_that_was_skipped_is_refused()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second, Third);
        await database.ExecuteAsync("delete from sharding.schema_migration where version = 2");

        var result = await Migrate(database, First, Second, Third);

        Assert.Equal(MigrationState.ChangedFile, result.State);
        Assert.Contains("0002_add_color.sql was never applied", result.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schema_newer_than_the_program_is_refused()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second, Third);

        var result = await Migrate(database, First, Second);

        Assert.Equal(MigrationState.NewerThanKnown, result.State);
        Assert.StartsWith("newer schema than this program knows: the shard has version 3 (0003_add_size.sql)", result.Problem, StringComparison.Ordinal);
        Assert.Equal(MigrationState.NewerThanKnown, (await Inspect(database, First, Second)).State);
    }

    [Theory]
    [InlineData("alter table sharding.thing add column extra int", "column thing.extra (added)")]
    [InlineData("alter table sharding.thing drop column at", "column thing.at (missing)")]
    [InlineData("alter table sharding.thing alter column at type timestamp", "column thing.at (changed)")]
    [InlineData("alter table sharding.thing alter column name drop not null", "column thing.name (changed)")]
    [InlineData("alter table sharding.thing alter column name set default 'y'", "column thing.name (changed)")]
    [InlineData("alter table sharding.thing alter column name type text collate \"POSIX\"", "column thing.name (changed)")]
    [InlineData("alter table sharding.thing drop constraint thing_pkey", "constraint thing_pkey on thing (missing)")]
    [InlineData("alter table sharding.thing add check (id > 0)", "constraint thing_id_check on thing (added)")]
    [InlineData("alter table sharding.thing replica identity full", "table thing (changed)")]
    [InlineData("drop index sharding.thing_color", "index thing_color on thing (missing)")]
    [InlineData("create unique index more on sharding.thing (name)", "index more on thing (added)")]
    [InlineData("create table sharding.other ()", "table other (added)")]
    [InlineData("drop table sharding.thing", "table thing (missing)")]
    [InlineData("create or replace function sharding.twice(x integer) returns integer language sql immutable as 'select x * 3'", "function twice(x integer) (changed)")]
    [InlineData("alter function sharding.twice(integer) stable", "function twice(x integer) (changed)")]
    [InlineData("drop function sharding.twice(integer)", "function twice(x integer) (missing)")]
    [InlineData("create function sharding.twice(x text) returns text language sql as 'select x'", "function twice(x text) (added)")]
    [InlineData("create function sharding.f() returns trigger language plpgsql as 'begin end'; create trigger t before insert on sharding.thing for each row execute function sharding.f()", "trigger t on thing (added)")]
    public async Task Drift_is_told_with_the_objects_that_differ_and_nothing_is_applied(string byHand, string difference)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second);
        await database.ExecuteAsync(byHand);

        var result = await Migrate(database, First, Second, Third);

        Assert.Equal(MigrationState.Drift, result.State);
        Assert.Contains(difference, result.Problem, StringComparison.Ordinal);
        Assert.Equal(2, await AppliedCount(database));
        Assert.Equal(result.Problem, (await Inspect(database, First, Second)).Problem);
    }

    [Theory]
    [InlineData("alter table sharding.thing set (fillfactor = 50)")]
    [InlineData("comment on table sharding.thing is 'tuned'")]
    [InlineData("grant select on sharding.thing to public")]
    [InlineData("create table public.thing (id int)")]
    [InlineData("set search_path = sharding; analyze thing")]
    [InlineData("alter table sharding.thing add column extra int; alter table sharding.thing drop column extra")]
    public async Task Tuning_and_other_schemas_are_no_drift(string byHand)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second);

        await database.ExecuteAsync(byHand);

        Assert.Equal(MigrationState.UpToDate, (await Migrate(database, First, Second)).State);
    }

    [Fact]
    public async Task The_fingerprint_does_not_depend_on_the_search_path()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second);

        await database.ExecuteAsync($"alter database {database.Name} set search_path = sharding, public");
        database.DataSource.Clear();

        Assert.Equal(MigrationState.UpToDate, (await Migrate(database, First, Second)).State);
    }

    [Fact]
    public async Task Whoever_waits_too_long_for_another_migrator_gives_up_and_says_so()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var other = await database.DataSource.OpenConnectionAsync();
        await using var take = new NpgsqlCommand($"select pg_advisory_lock({MigrationLock.Class}, 0)", other);
        await take.ExecuteScalarAsync();

        var result = await new ShardMigrator([First], TimeSpan.FromMilliseconds(200)).MigrateAsync(database.DataSource, default);

        Assert.Equal(MigrationState.Busy, result.State);
        Assert.Equal([First.FileName], result.Pending);
    }

    [Fact]
    public async Task What_looks_like_drift_while_another_migrates_is_looked_at_again_when_it_is_done()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await Migrate(database, First, Second);
        await using var other = await database.DataSource.OpenConnectionAsync();
        await using var begin = new NpgsqlCommand($"select pg_advisory_lock({MigrationLock.Class}, 0); create table sharding.half ()", other);
        await begin.ExecuteNonQueryAsync();

        var inspecting = Inspect(database, First, Second);
        await Eventually.ThatAsync(
            async () => await database.ScalarAsync<long>(
                "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database "
                + $"where datname = current_database()) and classid = {MigrationLock.Class} and not granted") == 1,
            TimeSpan.FromSeconds(30), "the inspection waits for the migrator");
        // Two statements: sent as one, the lock would be free before the table is gone for others.
        foreach (var end in (string[])["drop table sharding.half", $"select pg_advisory_unlock({MigrationLock.Class}, 0)"])
            await other.ExecuteAsync(end);

        Assert.Equal(MigrationState.UpToDate, (await inspecting).State);
    }

    [Fact]
    public async Task The_lock_is_released_although_connections_go_back_to_a_pool()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await Migrate(database, First);
        await Assert.ThrowsAsync<PostgresException>(() => Migrate(database, First, Migration.FromFile("0002_fail.sql", "select 1/0")));

        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"));
        Assert.Equal("0", await database.ScalarAsync<string>("show lock_timeout"));
    }

    [Fact]
    public async Task A_database_that_is_not_UTF8_is_refused()
    {
        await using var database = await (await postgres.ServerAsync()).CreateDatabaseAsync(options: "encoding 'LATIN1' locale 'C'");

        var result = await Migrate(database, First);

        Assert.Equal(MigrationState.Unsuitable, result.State);
        Assert.Contains("encoded LATIN1; a shard needs UTF8", result.Problem, StringComparison.Ordinal);
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_namespace where nspname = 'sharding'"));
    }

    [Theory]
    [InlineData(140_011, "UTF8", false, "Postgres 14; a shard needs 15")]
    [InlineData(150_000, "SQL_ASCII", false, "encoded SQL_ASCII")]
    [InlineData(170_002, "UTF8", true, "standby")]
    public void Unsuitable_servers_are_told_why(int version, string encoding, bool standby, string why) =>
        Assert.Contains(why, new ShardSuitability(version, encoding, standby).Problem, StringComparison.Ordinal);

    [Fact]
    public void Files_are_numbered_without_a_gap_and_well_named()
    {
        Assert.Throws<InvalidOperationException>(() => new ShardMigrator([First, Third], ShardMigrator.LockLimit));
        Assert.Throws<InvalidOperationException>(() => new ShardMigrator([First, First], ShardMigrator.LockLimit));
        Assert.Throws<FormatException>(() => Migration.FromFile("1_create.sql", ""));
        Assert.Throws<FormatException>(() => Migration.FromFile("0001_Create.sql", ""));
        Assert.NotEmpty(ShardMigrator.Known);
    }

    private static Task<MigrationResult> Migrate(TestDatabase database, params Migration[] known) =>
        new ShardMigrator(known, ShardMigrator.LockLimit).MigrateAsync(database.DataSource, default);

    private static Task<MigrationResult> Inspect(TestDatabase database, params Migration[] known) =>
        new ShardMigrator(known, ShardMigrator.LockLimit).InspectAsync(database.DataSource, default);

    private static Task<long> AppliedCount(TestDatabase database) =>
        database.ScalarAsync<long>("select count(*) from sharding.schema_migration");
}
