using Npgsql;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>
/// A statement whose time is over while Postgres plans it, in the request that prepares it on its connection. A session
/// that then took the statement for prepared, without knowing its columns, could not read its next answer: 500, once seen in
/// a run of these tests.
/// </summary>
public sealed class BrokenOffStatementTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly (string, string) NoTime = ("Request-Timeout", "0.3");

    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        _router = await _cluster.StartRouterAsync(("SHARDING_POOL_SIZE", "1")); // one call after the other, on the same connection
        _items = await ApiCollection.CreateAsync(_router.Api);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_read_that_was_broken_off_harms_none_that_comes_later(int before)
    {
        (await _items.PutAsync("FR", "x", """{"a":1}""")).Expect(201);
        for (var i = 0; i < before; i++)
            await ReadAsync();

        await using (var connection = await _cluster["s1"].Database.DataSource.OpenConnectionAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await using var command = new NpgsqlCommand("lock table sharding.item in access exclusive mode", connection);
            await command.ExecuteNonQueryAsync();
            var broken = (await BatchGetAsync(NoTime)).Expect(207);
            Assert.Equal(504, broken.Json.GetProperty("results")[0].GetProperty("status").GetInt32());
            (await _items.Api.GetAsync(_items.AddressOf("FR"), NoTime)).Expect(504);
        }

        for (var i = 0; i < 3; i++)
            await ReadAsync();
    }

    private async Task ReadAsync()
    {
        (await BatchGetAsync()).Expect(200);
        Assert.Equal(1, (await _items.ListAsync("FR")).Expect(200).Json.GetProperty("items").GetArrayLength());
    }

    private Task<ApiReply> BatchGetAsync(params (string, string)[] headers) =>
        _items.Api.PostAsync(_items.Address + ":batchGet", """{"keys":[{"pk":"FR","id":"x"}]}""", headers);

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
