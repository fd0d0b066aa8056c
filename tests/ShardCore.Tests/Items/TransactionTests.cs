using System.Text.Json;
using Npgsql;
using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

/// <summary>All or nothing, and who was to blame.</summary>
public sealed class TransactionTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    [Fact]
    public async Task All_operations_are_applied_and_see_each_other()
    {
        var answers = await _shard.TransactAsync(
            Put("a", """{"sum":10}"""), Increment("a", """["sum"]""", -3), Increment("b", """["sum"]""", 3), Check("a", "present"), Delete("a", "present"));

        Assert.Equal(["created", "replaced", "created", "checked", "deleted"], answers.Select(answer => answer.Outcome));
        AssertJson.Equal("""{"sum":3}""", (await _shard.ReadAsync("b")).Doc);
        Assert.Null((await _shard.ReadAsync("a")).Version);
    }

    [Theory]
    [InlineData("precondition_failed")]
    [InlineData("missing")]
    [InlineData("invalid_patch")]
    [InlineData("out_of_range")]
    [InlineData("no_collection")]
    public async Task One_that_fails_undoes_all_and_is_named(string outcome)
    {
        var before = await _shard.WriteOneAsync(Put("old", """{"n":1}"""));
        var culprit = outcome switch
        {
            "precondition_failed" => Put("old", condition: "absent"),
            "missing" => MergePatch("nobody", "{}"),
            "out_of_range" => Increments("old", """[{"path":["n"],"by":-3,"min":0}]"""),
            "invalid_patch" => JsonPatch("old", """[{"op":"remove","path":"/x"}]"""),
            _ => Put("y") with { Collection = "nowhere" },
        };

        var failure = await FailureOf(Put("new"), Put("old", """{"n":2}"""), culprit, Delete("old"));

        Assert.Equal((3, outcome), (failure.Ord, failure.Outcome));
        Assert.Equal(1, await _shard.CountAsync());
        Assert.Equal(before.Version, (await _shard.ReadAsync("old")).Version);
    }

    [Fact]
    public async Task Of_several_that_fail_the_first_is_named_whatever_the_order_of_their_keys()
    {
        Assert.Equal(2, (await FailureOf(Put("m"), MergePatch("z", "{}"), MergePatch("a", "{}"))).Ord);
        Assert.Equal(1, (await FailureOf(MergePatch("z", "{}"), Put("m"), MergePatch("a", "{}"))).Ord);
        Assert.Equal(2, (await FailureOf(Put("m"), MergePatch("a", "{}"), MergePatch("z", "{}"))).Ord);
    }

    [Fact]
    public async Task A_failed_condition_tells_the_version_that_stands_there()
    {
        var current = await _shard.WriteOneAsync(Put("x"));

        var failure = await FailureOf(Put("y"), Put("x", condition: "match", version: 1));

        Assert.Equal(current.Version, failure.Version);
    }

    [Theory]
    [InlineData("frozen", "moving")]
    [InlineData("released", "not_owned")]
    public async Task In_a_slot_that_moves_nothing_is_applied_and_the_new_owner_is_told(string state, string outcome)
    {
        await _shard.OwnAsync(state, "s2", epoch: 7);

        var failure = await FailureOf(Put("a"), Put("b"));

        Assert.Equal((1, outcome), (failure.Ord, failure.Outcome));
        AssertJson.Equal($$"""{"state":"{{state}}","peer":"s2","epoch":7}""", failure.Detail);
        Assert.Equal(0, await _shard.CountAsync());
    }

    [Fact]
    public async Task Transfers_at_once_keep_the_sum()
    {
        await _shard.WriteAsync(Put("a", """{"n":1000}"""), Put("b", """{"n":1000}"""), Put("c", """{"n":1000}"""));
        string[] accounts = ["a", "b", "c"];

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 50; i++)
            {
                random.Shuffle(accounts = [.. accounts]);
                var amount = random.Next(1, 9);
                await _shard.TransactAsync(Increment(accounts[0], """["n"]""", -amount), Increment(accounts[1], """["n"]""", amount));
            }
        })));

        Assert.Equal(3000m, await _shard.Database.ScalarAsync<decimal>("select sum((doc -> 'n')::numeric) from sharding.item"));
    }

    private async Task<(int Ord, string Outcome, long? Version, string? Detail)> FailureOf(params ShardOperation[] operations)
    {
        var refused = await Assert.ThrowsAsync<PostgresException>(() => _shard.TransactAsync(operations));
        Assert.Equal("SH003", refused.SqlState);
        using var row = JsonDocument.Parse(refused.Detail!);
        var version = row.RootElement.GetProperty("version");
        return (row.RootElement.GetProperty("ord").GetInt32(), row.RootElement.GetProperty("outcome").GetString()!,
            version.ValueKind == JsonValueKind.Null ? null : version.GetInt64(), row.RootElement.GetProperty("detail").GetString());
    }
}
