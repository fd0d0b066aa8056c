using Npgsql;
using TestCluster;

namespace ShardAdmin.Tests.Roles;

/// <summary>Each role logs in and tries everything. What is not in the lists here is refused.</summary>
public sealed class RightsTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Refused = PostgresErrorCodes.InsufficientPrivilege;

    private static readonly string[] RouterReads = ["item", "slot_ownership", "collection", "item_index", "cluster", "api_key"];

    private static readonly string[] RouterCalls =
    [
        "read_items", "write_items", "delete_expired", "collection_create", "api_key_digest", "api_keys_used",
        "value_rank", "value_number", "value_text", "indexes", "index_create", "index_ready", "index_unwant", "index_drop",
    ];

    private static readonly string[] ReaderReads =
    [
        "slot_ownership", "collection", "item_index", "move", "move_history", "move_import", "move_import_over", "backup_point",
        "schema_migration",
    ];

    private static readonly string[] ReaderCalls =
        ["history", "standbys_behind", "count_items", "partitions", "indexes", "rights_wanted", "rights_there", "rights_to_change"];

    [Theory]
    [InlineData(RestrictedCluster.Router)]
    [InlineData(RestrictedCluster.Mover)]
    [InlineData(RestrictedCluster.Reader)]
    public async Task A_role_has_its_rights_and_no_others(string role)
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 1, databases: 1);
        var database = restricted.Cluster.Database(1);
        await using var session = await OpenAsync(restricted, role);

        var wrong = new List<string>();
        foreach (var table in await ListAsync(session, "select relname from pg_class where relnamespace = 'sharding'::regnamespace and relkind in ('r', 'p') and not relispartition"))
            foreach (var (verb, sql) in Attempts(table))
                if (await MayAsync(session, sql) != MayTouch(role, table, verb))
                    wrong.Add($"{sql}: {(MayTouch(role, table, verb) ? "refused" : "allowed")}");
        foreach (var call in await ListAsync(session, """
            select format('%s(%s)', oid::regproc, (select string_agg('null::' || format_type(t, null), ', ' order by n)
                from unnest(proargtypes) with ordinality as a (t, n)))
            from pg_proc where pronamespace = 'sharding'::regnamespace and prorettype <> 'trigger'::regtype and not proisstrict -- with NULL a strict one is not called
            """))
            if (await MayAsync(session, $"select * from {call}") != MayCall(role, call.Split('(')[0].Replace("sharding.", "", StringComparison.Ordinal)))
                wrong.Add(call);
        foreach (var sql in (string[])[
            "create table sharding.evil ()", "create function sharding.evil() returns void language sql as 'select'", "create schema evil",
            "create temporary table evil ()", "create table public.evil ()", "create publication evil", "alter table sharding.item add evil text",
            "drop table sharding.item", "truncate sharding.item", "create or replace function sharding.leave() returns boolean language sql as 'select true'",
            "alter function sharding.leave() security definer", "set role sharding_owner", "set session authorization sharding_owner",
            "create index evil on sharding.item (id)", "alter table sharding.item disable trigger all", "drop schema sharding cascade",
            "create role evil", "alter role sharding_router superuser", "copy (select 1) to program 'true'", "set log_error_verbosity = default",
            "select pg_read_file('/etc/passwd')"])
            if (await MayAsync(session, sql))
                wrong.Add(sql);

        Assert.Empty(wrong);
        Assert.Equal(0L, await database.ScalarAsync<long>("select count(*) from sharding.rights_to_change()"));
    }

    [Fact]
    public async Task A_reader_counts_items_and_sees_no_key_no_document_and_no_secret()
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 1, databases: 1);
        await using var session = await OpenAsync(restricted, RestrictedCluster.Reader);

        Assert.True(await MayAsync(session, "select count(*), min(slot) from sharding.item"));
        Assert.True(await MayAsync(session, "select shard_id, shards, ring_epoch from sharding.cluster"));
        foreach (var sql in (string[])[
            "select pk from sharding.item", "select id from sharding.item", "select doc from sharding.item", "select i from sharding.item i",
            "select cursor_secret from sharding.cluster", "select secret_hash from sharding.api_key", "select hash from sharding.before_image"])
            Assert.False(await MayAsync(session, sql), sql);
    }

    [Fact]
    public async Task Somebody_else_does_not_even_connect()
    {
        await using var restricted = await RestrictedCluster.InitialisedAsync(postgres, redis, shards: 1, databases: 1);
        await restricted.Server.ExecuteAsync("create role stranger login");

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(restricted, "stranger"));

        Assert.Equal(Refused, refusal.SqlState);
    }

    private static bool MayTouch(string role, string table, string verb) => role switch
    {
        RestrictedCluster.Router => verb == "select" && RouterReads.Contains(table, StringComparer.Ordinal),
        RestrictedCluster.Reader => verb == "select" && ReaderReads.Contains(table, StringComparer.Ordinal),
        _ => verb == "select" || (verb != "truncate" && table is not ("schema_migration" or "audit")),
    };

    private static bool MayCall(string role, string function) => role switch
    {
        RestrictedCluster.Router => RouterCalls.Contains(function, StringComparer.Ordinal),
        RestrictedCluster.Reader => ReaderCalls.Contains(function, StringComparer.Ordinal),
        _ => function != "set_rights",
    };

    private static IEnumerable<(string Verb, string Sql)> Attempts(string table) =>
    [
        ("select", $"select * from sharding.{table} limit 0"),
        ("insert", $"insert into sharding.{table} default values"),
        ("delete", $"delete from sharding.{table} where false"),
        ("truncate", $"truncate sharding.{table}"),
    ];

    /// <summary>In a transaction that is rolled back. An error that is no refusal comes after the right was looked at.</summary>
    private static async Task<bool> MayAsync(NpgsqlConnection session, string sql)
    {
        await using var transaction = await session.BeginTransactionAsync(TestContext.Current.CancellationToken);
        try
        {
            await using var command = new NpgsqlCommand("set local statement_timeout = '5s'; " + sql, session);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            return true;
        }
        catch (PostgresException e)
        {
            return e.SqlState != Refused;
        }
    }

    private static async Task<List<string>> ListAsync(NpgsqlConnection session, string sql)
    {
        var found = new List<string>();
        await using var command = new NpgsqlCommand(sql, session);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            found.Add(reader.GetString(0));
        Assert.NotEmpty(found);
        return found;
    }

    private static async Task<NpgsqlConnection> OpenAsync(RestrictedCluster restricted, string role)
    {
        var settings = new NpgsqlConnectionStringBuilder(restricted.Server.ConnectionString(restricted.Cluster.Database(1).Name))
        {
            Username = role,
            Pooling = false,
        };
        var session = new NpgsqlConnection(settings.ConnectionString);
        await session.OpenAsync(TestContext.Current.CancellationToken);
        return session;
    }
}
