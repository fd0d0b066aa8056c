using LoadTests.Benches;
using LoadTests.Cluster;
using LoadTests.Engine;
using Npgsql;
using Workbench;

namespace LoadTests.References;

/// <summary>
/// What an application without shards has: an ordinary table with the same documents and the same two indexes, and no slots. It is beside
/// the items, in the database of the first shard, which must have all of them.
/// </summary>
internal static class PlainTable
{
    // Texts go by their bytes, as in the shards.
    private const string Make = """
        drop table if exists public.plain_item;
        create table public.plain_item (
            pk text collate "C" not null, id text collate "C" not null, version bigint not null, updated_at timestamptz not null,
            expires_at timestamptz, doc jsonb not null, primary key (pk, id)
        );
        insert into public.plain_item select pk, id, version, updated_at, expires_at, doc from sharding.item where collection = $1
        """;

    private static readonly string[] Finish =
    [
        "create index on public.plain_item (((doc ->> 'rank')::numeric), pk, id)",
        "create index on public.plain_item ((doc ->> 'group') collate \"C\", ((doc ->> 'rank')::numeric), pk, id)",
        "vacuum (analyze) public.plain_item",
        "checkpoint",
    ];

    private const int PageItems = 100; // as the statements say

    private const string Page = """
        select pk, id, version, updated_at, expires_at, doc from public.plain_item
        where expires_at is null or expires_at > clock_timestamp() order by (doc ->> 'rank')::numeric, pk, id limit 100
        """;

    private const string GroupPage = """
        select pk, id, version, updated_at, expires_at, doc from public.plain_item
        where (doc ->> 'group') collate "C" = $1 and (expires_at is null or expires_at > clock_timestamp())
        order by (doc ->> 'rank')::numeric, pk, id limit 100
        """;

    private const string Count = """
        select count(*) from public.plain_item
        where (doc ->> 'group') collate "C" = $1 and (expires_at is null or expires_at > clock_timestamp())
        """;

    public static async Task<bool> ExistsAsync(ShardServer shard, CancellationToken cancellation) =>
        (await MovedRows.ListAsync<bool>(shard, "select to_regclass('public.plain_item') is not null", cancellation))[0];

    public static async Task MakeAsync(ShardServer address, RankedItems items, CancellationToken cancellation)
    {
        await using var shard = new NpgsqlConnection(address.ConnectionString);
        await shard.OpenAsync(cancellation);
        foreach (var sql in Make.Split(';').Concat(Finish))
        {
            await using var command = new NpgsqlCommand(sql, shard) { CommandTimeout = 1800 };
            if (sql.Contains("$1", StringComparison.Ordinal))
                command.Parameters.Add(new() { Value = items.Collection });
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    /// <summary>The first page in the order of ranks.</summary>
    public static LoadScenario Pages(ShardServer shard) =>
        Scenario(shard, Page, hasGroup: false, reader => HasDocumentsAsync(reader, PageItems));

    /// <summary>The first page of a random group.</summary>
    public static LoadScenario GroupPages(ShardServer shard, RankedItems items) =>
        Scenario(shard, GroupPage, hasGroup: true, reader => HasDocumentsAsync(reader, Math.Min(PageItems, items.CountOfGroup)));

    /// <summary>The number of items of a random group.</summary>
    public static LoadScenario Counts(ShardServer shard, RankedItems items) => Scenario(
        shard, Count, hasGroup: true, async reader => await reader.ReadAsync() && reader.GetInt64(0) == items.CountOfGroup);

    private static LoadScenario Scenario(ShardServer shard, string sql, bool hasGroup, Func<NpgsqlDataReader, Task<bool>> isRight) =>
        new("plain SQL", async (user, cancellation) =>
        {
            var connection = new NpgsqlConnection(NpgsqlSession.ConnectionStringOf(shard));
            await connection.OpenAsync(cancellation);
            return new Session(connection, sql, hasGroup, isRight, user);
        });

    private static async Task<bool> HasDocumentsAsync(NpgsqlDataReader reader, int count)
    {
        var rows = 0;
        while (await reader.ReadAsync())
            rows += reader.GetFieldValue<byte[]>(5).Length > RankedItems.Note.Length ? 1 : 0;
        return rows == count;
    }

    private sealed class Session(
        NpgsqlConnection connection, string sql, bool hasGroup, Func<NpgsqlDataReader, Task<bool>> isRight, int seed) : ILoadSession
    {
        private readonly Random _random = new(seed);

        public async ValueTask StepAsync()
        {
            await using var command = new NpgsqlCommand(sql, connection);
            if (hasGroup)
                command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = RankedItems.GroupOf(_random.Next(RankedItems.Groups)) });
            await using var reader = await command.ExecuteReaderAsync();
            if (!await isRight(reader))
                throw new WrongAnswerException($"The plain table gave a wrong answer to: {sql}");
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
