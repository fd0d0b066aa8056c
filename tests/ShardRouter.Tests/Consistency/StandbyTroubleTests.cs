using TestCluster;
using static ShardRouter.Tests.Consistency.StandbyCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>Who answers reads while a standby or the primary hangs, is late or is away.</summary>
public sealed class StandbyTroubleTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private StandbyCluster _own = null!;
    private string _pk = "";

    private ApiCollection Items => _own.Items;

    public async ValueTask InitializeAsync()
    {
        _own = await StandbyCluster.StartAsync(postgres, redis);
        _pk = _own.Cluster.PartitionOf("s1");
    }

    [Fact]
    public async Task A_standby_that_hangs_or_is_away_costs_no_error()
    {
        await _own.Standby.Server.PauseAsync();
        for (var i = 0; i < 20; i++)
        {
            var read = await Items.GetAsync(_pk, "x", Eventual, ("Request-Timeout", "2"));
            Assert.Equal((0, "primary"), (read.N(), read.From()));
            await Task.Delay(100);
        }
        await _own.Standby.Server.ResumeAsync();
        await _own.StandbyReadsAsync(Items);

        await _own.Standby.Server.KillAsync();
        for (var i = 0; i < 20; i++)
            Assert.Equal((0, "primary"), (await Items.GetAsync(_pk, "x", Eventual) is var read ? (read.N(), read.From()) : default));
        await _own.Standby.Server.StartAsync();
        await _own.StandbyReadsAsync(Items);
    }

    /// <summary>Its sessions are stopped and its postmaster is not: the looks at all hosts find it well.</summary>
    [Fact]
    public async Task A_standby_that_was_late_is_not_waited_for_by_the_next_reads()
    {
        await _own.Standby.Server.PauseAsync(PostgresProcesses.Children);
        await Eventually.ThatAsync(
            async () => (await Items.GetAsync(_pk, "x", Eventual)).From() == "primary" && await _own.FallbacksAsync("DeadlineExceeded") > 0,
            Limit, "the standby is late");
        var late = await _own.FallbacksAsync("DeadlineExceeded");

        for (var i = 0; i < 20; i++)
            Assert.Equal((0, "primary"), (await Items.GetAsync(_pk, "x", Eventual) is var read ? (read.N(), read.From()) : default));

        Assert.Equal(late, await _own.FallbacksAsync("DeadlineExceeded"));
        await _own.Standby.Server.ResumeAsync();
        await _own.StandbyReadsAsync(Items);
    }

    [Fact]
    public async Task A_router_that_never_listed_lists_from_the_standby_while_the_primary_is_away()
    {
        var others = await _own.ItemsOfNewRouterAsync();
        await _own.Primary.KillAsync();
        await Eventually.ThatAsync(async () => (await others.GetAsync(_pk, "x")).Status == 503, Limit, "the primary is away");

        var list = await new Func<Task<ApiReply>>(() => others.Api.GetAsync(others.AddressOf(_pk), Eventual)).FromStandbyAsync();

        Assert.Equal(1, list.Expect(200).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task While_the_primary_is_away_the_standby_answers_eventual_reads_only()
    {
        var seen = (await Items.GetAsync(_pk, "x", Session)).Expect(200);
        await _own.Primary.KillAsync();
        await Eventually.ThatAsync(async () => (await Items.GetAsync(_pk, "x")).Status == 503, Limit, "the primary is away");

        Assert.Equal(0, (await FromStandbyAsync(Eventual, ("Session-Token", seen.Token()), ("Request-Timeout", "2"))).N());
        Assert.Equal(0, (await FromStandbyAsync(Eventual)).N());
        Assert.Equal(503, (await Items.PutAsync(_pk, "x", "{}", seen.Next())).Status);
        (await Items.GetAsync(_pk, "none", Eventual)).ExpectProblem(404, "item-not-found");
    }

    [Fact]
    public async Task A_read_that_the_standby_cancels_for_its_recovery_comes_from_the_primary()
    {
        // What is deleted and cleaned up at the primary cannot be applied while a statement of the standby may still need it.
        await _own.Standby.Server.ExecuteAsync("alter system set max_standby_streaming_delay = '0'");
        await _own.Standby.Server.ExecuteAsync("select pg_reload_conf()");
        var ops = string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"op":"put","pk":"{{_pk}}","id":"c{{i}}","doc":{"t":"{{new string('a', 2000)}}"} }"""));
        (await Items.BatchWriteAsync($$"""{"ops":[{{ops}}]}""")).Expect(200);
        await _own.CaughtUpAsync();
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
                (await Items.Api.GetAsync(Items.AddressOf(_pk) + "?f.t=contains.zz", Eventual)).Expect(200); // long enough to be in the way
        });

        var database = _own.Cluster["s1"].Database;
        for (var i = 0; i < 400 && await ConflictsAsync() == 0; i++)
        {
            await database.ExecuteAsync($"update sharding.item set doc = doc || '{{\"u\":{i}}}' where pk = '{_pk}'");
            await database.ExecuteAsync("vacuum sharding.item");
        }

        await stop.CancelAsync();
        await reading;
        Assert.True(await ConflictsAsync() > 0, "No statement was in the way of the recovery.");

        Task<long> ConflictsAsync() => _own.Standby.Server.ScalarAsync<long>("select sum(confl_snapshot + confl_lock + confl_bufferpin)::bigint from pg_stat_database_conflicts");
    }

    private Task<ApiReply> FromStandbyAsync(params (string, string)[] with) =>
        new Func<Task<ApiReply>>(() => Items.GetAsync(_pk, "x", with)).FromStandbyAsync();

    public ValueTask DisposeAsync() => _own.DisposeAsync();
}
