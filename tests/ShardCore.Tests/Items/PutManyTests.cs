using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

/// <summary>Puts without a condition that come together are one statement: each is answered as if it had come alone.</summary>
public sealed class PutManyTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private static readonly string[] Partitions = ["a", "b", "c", "not owned", "frozen"];
    private static readonly string[] Collections = [ShardUnderTest.Collection, ShardUnderTest.Collection, ShardUnderTest.Collection, "other", "nowhere"];

    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    /// <summary>New, there, expired; several times the same key; slots that are not owned, a collection that is not there.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [InlineData(6, false)]
    public async Task Together_they_answer_as_one_after_the_other(int seed, bool allMay)
    {
        var random = new Random(seed);
        var puts = Enumerable.Range(0, 100).Select(n => RandomPut(random, n, allMay ? 3 : Partitions.Length, allMay ? 4 : Collections.Length)).ToArray();
        await SetUpAsync();
        var alone = new List<ShardAnswer>();
        foreach (var put in puts)
            alone.Add(await _shard.WriteOneAsync(put));
        var rowsAlone = await RowsAsync();
        await fixture.AsNewAsync();
        await SetUpAsync();

        var together = await _shard.WriteAsync(puts);

        Assert.Equal(Enumerable.Range(1, puts.Length), together.Select(answer => answer.Ord));
        Assert.Equal(alone.Select(Essence), together.Select(Essence));
        Assert.Equal(rowsAlone, await RowsAsync());
        Assert.Contains("created", together.Select(answer => answer.Outcome));
        Assert.Contains("replaced", together.Select(answer => answer.Outcome));
        foreach (var refusal in new[] { "not_owned", "moving", "no_collection" })
            Assert.Equal(!allMay, together.Any(answer => answer.Outcome == refusal));
    }

    [Fact]
    public async Task The_last_put_of_a_key_stays_and_each_has_a_higher_version()
    {
        var answers = await _shard.WriteAsync(Put("x", """{"n":1}"""), Put("y"), Put("x", """{"n":2}"""), Put("x", """{"n":3}"""));

        Assert.Equal(["created", "created", "replaced", "replaced"], answers.Select(answer => answer.Outcome));
        Assert.True(answers[2].Version > answers[0].Version && answers[3].Version > answers[2].Version);
        var read = await _shard.ReadAsync("x");
        AssertJson.Equal("""{"n":3}""", read.Doc);
        Assert.Equal(answers[3].Version, read.Version);
    }

    [Fact]
    public async Task Their_versions_stay_above_the_floor_and_above_the_last_one()
    {
        const long floor = 9_000_000_000_000_000;
        await _shard.WriteOneAsync(Put("x"));
        await _shard.Database.ExecuteAsync($"update sharding.item set version = {floor + 5}; update sharding.slot_ownership set version_floor = {floor}");

        var answers = await _shard.WriteAsync(Put("x"), Put("y"));

        Assert.Equal([floor + 6, floor + 1], answers.Select(answer => answer.Version!.Value));
    }

    /// <summary>Their plans would stay in the memory of the session, a megabyte for each collection.</summary>
    [Fact]
    public async Task Puts_into_several_collections_call_no_function_of_theirs_but_where_a_slot_may_not_be_written()
    {
        await SetUpAsync();
        const string write = """
            select bool_or(by_function) from sharding.write_items(
                false, '{put,put,put}', array[sharding.slot_of('a'), sharding.slot_of('b'), sharding.slot_of($1)], '{things,other,other}', array['a', 'b', $1],
                '{1,1,new}', array['{}', '{}', '{}']::jsonb[], '{none,none,none}', '{null,null,null}', '{null,null,null}', '{f,f,f}')
            """;

        Assert.False(await _shard.Database.ScalarAsync<bool>(write.Replace("$1", "'c'", StringComparison.Ordinal))); // 1 of a has expired
        Assert.True(await _shard.Database.ScalarAsync<bool>(write.Replace("$1", "'frozen'", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task In_a_transaction_one_that_is_refused_undoes_the_others()
    {
        await _shard.OwnAsync("released", "s2");

        var refused = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => _shard.TransactAsync(Put("x") with { Pk = "a" }, Put("y"), Put("z") with { Pk = "b" }));

        Assert.Equal("SH003", refused.SqlState);
        Assert.Contains("not_owned", refused.Detail, StringComparison.Ordinal);
        Assert.Equal(0, await _shard.CountAsync());
    }

    /// <summary>Keys are visited in one order whatever order they come in, or these would soon wait for each other.</summary>
    [Fact]
    public async Task Calls_with_the_same_keys_in_other_orders_do_not_deadlock()
    {
        var keys = Enumerable.Range(0, 40).Select(n => Put($"{n}") with { Pk = $"{n % 7}" }).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            var random = new Random(writer);
            for (var round = 0; round < 25; round++)
                Assert.All(await _shard.WriteAsync([.. keys.OrderBy(_ => random.Next())]), answer => Assert.Contains(answer.Outcome, new[] { "created", "replaced" }));
        })));

        Assert.Equal(40, await _shard.CountAsync());
    }

    private static ShardOperation RandomPut(Random random, int n, int partitions, int collections) =>
        Put($"{random.Next(8)}", $$"""{"n":{{n}}}""", ttl: random.Next(3) == 0 ? 3600 : null) with
        {
            Pk = Partitions[random.Next(partitions)],
            Collection = Collections[random.Next(collections)],
            ReturnDoc = random.Next(2) == 0,
        };

    private async Task SetUpAsync()
    {
        await _shard.Database.ExecuteAsync("insert into sharding.collection (name) values ('other')");
        foreach (var partition in Partitions[..3])
            await _shard.WriteAsync(Put("0") with { Pk = partition }, Put("1", "{}", ttl: 3600) with { Pk = partition });
        await _shard.Database.ExecuteAsync($"""
            update sharding.item set expires_at = now() - interval '1 second' where id = '1';
            update sharding.slot_ownership set state = 'released', peer = 's2', epoch = 7 where slot = {(Put("") with { Pk = "not owned" }).Slot};
            update sharding.slot_ownership set state = 'frozen', peer = 's3', epoch = 8 where slot = {(Put("") with { Pk = "frozen" }).Slot};
            """);
    }

    private static string Essence(ShardAnswer answer) =>
        $"{answer.Outcome} {answer.Doc} {answer.Detail} version {answer.Version is not null} updated {answer.UpdatedAt is not null} expires {answer.ExpiresAt is not null}";

    private Task<string?> RowsAsync() => _shard.Database.ScalarAsync<string?>("""
        select string_agg(concat_ws(' ', collection, pk, id, doc, expires_at is not null), ',' order by collection, pk, id) from sharding.item
        """);
}
