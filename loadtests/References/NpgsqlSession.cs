using LoadTests.Benches;
using LoadTests.Engine;
using Npgsql;
using ShardCore.Ring;
using Workbench;

namespace LoadTests.References;

/// <summary>Sends the router's statement for a GET directly: this shows the latency without HTTP and without a router.</summary>
internal sealed class NpgsqlSession(NpgsqlConnection connection, int seed) : ILoadSession
{
    private const string Sql = "select ord, state, peer, epoch, version, updated_at, expires_at, doc from sharding.read_items($1, $2, $3, $4)";

    private readonly Random _random = new(seed);

    public static LoadScenario Scenario(string name, ShardServer shard) => new(name, async (user, cancellation) =>
    {
        var connection = new NpgsqlConnection(ConnectionStringOf(shard));
        await connection.OpenAsync(cancellation);
        return new NpgsqlSession(connection, user);
    });

    /// <summary>Statements are prepared when they come a second time, as the router's are.</summary>
    public static string ConnectionStringOf(ShardServer shard) =>
        shard.ConnectionString
        + ";Max Auto Prepare=16;Auto Prepare Min Usages=2;No Reset On Close=true;Options=" + ReferenceSql.SessionOptions;

    public async ValueTask StepAsync()
    {
        var item = BenchItems.Random(_random);
        var key = item.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<short[]> { TypedValue = [(short)SlotHash.Of(key).Value] },
                new NpgsqlParameter<string[]> { TypedValue = [BenchItems.Collection] },
                new NpgsqlParameter<string[]> { TypedValue = [key] },
                new NpgsqlParameter<string[]> { TypedValue = [key] },
            },
        };
        await using var reader = await command.ExecuteReaderAsync();
        if (!await reader.ReadAsync() || reader.GetString(1) != "owned" || reader.GetFieldValue<byte[]>(7).Length < BenchItems.DocumentOf(item).Length)
            throw new WrongAnswerException($"The statement found no item {key}.");
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
