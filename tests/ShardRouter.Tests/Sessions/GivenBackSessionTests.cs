using Npgsql;
using ShardRouter.Shards;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>A shard that takes long to open sessions. Whoever waits for one must not miss those that are given back.</summary>
public sealed class GivenBackSessionTests(SharedPostgres postgres)
{
    private const int Opening = 4; // at the same time

    [Fact]
    public async Task One_that_waits_until_it_may_open_a_session_gets_one_that_is_given_back()
    {
        var database = await postgres.CreateShardAsync();
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var opened = 0;
        var builder = new NpgsqlDataSourceBuilder((await postgres.ServerAsync()).ConnectionString(database.Name));
        builder.ConnectionStringBuilder.Pooling = false;
        builder.UsePhysicalConnectionInitializer(
            _ => throw new NotSupportedException(), _ => Interlocked.Increment(ref opened) == 1 ? Task.CompletedTask : goesOn.Task);
        await using var source = builder.Build();
        await using var sessions = new ShardSessions(source);
        var held = await sessions.TakeAsync(CancellationToken.None);
        var opening = Enumerable.Range(0, Opening).Select(_ => sessions.TakeAsync(CancellationToken.None).AsTask()).ToArray();
        var waiting = sessions.TakeAsync(CancellationToken.None).AsTask();

        sessions.Return(held);

        Assert.Same(held, await waiting.WaitAsync(TimeSpan.FromSeconds(2)));
        Assert.All(opening, one => Assert.False(one.IsCompleted));
        goesOn.SetResult();
        await Task.WhenAll(opening);
        Assert.Equal(1 + Opening, opened);
    }
}
