using System.Globalization;
using Npgsql;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Shards;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>A gathered read that meets its limit of time after a part of its answer has come.</summary>
public sealed class ReadLimitTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Documents = 24;
    private const int Characters = 900_000;

    [Fact]
    public async Task It_leaves_its_session_usable()
    {
        var pk = own.Cluster.PartitionOf("s1", 7);
        var document = $$"""{"text":"{{string.Concat(Enumerable.Range(0, Characters / 8).Select(i => i.ToString("x8", CultureInfo.InvariantCulture)))}}"}""";
        for (var id = 0; id < Documents; id++)
            (await own.Items.PutAsync(pk, Id(id), document)).Expect(201);
        var keys = Enumerable.Range(0, Documents).Select(id => new ItemKey(own.Items.Name, pk, Id(id))).ToArray();
        await using var sessions = new ShardSessions(own.Cluster["s1"].Database.DataSource);
        var session = await sessions.TakeAsync(TestContext.Current.CancellationToken);
        await using var statement = new ReadItemsStatement(session);
        await statement.ExecuteAsync(keys); // prepares it
        await SetLimitAsync(session, "15ms");

        var error = await Assert.ThrowsAsync<PostgresException>(() => statement.ExecuteAsync(keys));

        Assert.Equal(PostgresErrorCodes.QueryCanceled, error.SqlState);
        Assert.True(session.IsOpen);
        await SetLimitAsync(session, "0");
        Assert.All(await statement.ExecuteAsync(keys[..1]), answer => Assert.NotNull(answer.Value));
        sessions.Return(session);
    }

    private static async Task SetLimitAsync(ShardSession session, string limit)
    {
        await using var command = new NpgsqlCommand($"set statement_timeout = '{limit}'", session.Connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static string Id(int id) => string.Create(CultureInfo.InvariantCulture, $"large{id}");
}
