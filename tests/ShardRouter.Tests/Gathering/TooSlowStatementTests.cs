using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>Statements that met their limit, and what becomes of their operations.</summary>
public sealed class TooSlowStatementTests(SharedPostgres postgres)
{
    private const int First = 0; // its statement is under way while others gather

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource _isUnderWay = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _firstMayEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_lane_goes_on_when_the_time_of_all_operations_of_a_statement_is_over()
    {
        using var deadline = new CancellationTokenSource();
        await using var shard = await StartAsync(async operations =>
        {
            await deadline.CancelAsync();
            throw ScriptedShard.Error(PostgresErrorCodes.QueryCanceled);
        });

        var failed = Run(shard, 3, deadline.Token);
        _firstMayEnd.SetResult();

        foreach (var one in failed)
            Assert.Equal(ShardFailure.DeadlineExceeded, await FailureOfAsync(one));
        Assert.Equal(0, shard.Queue.Length);
        Assert.Equal(First, (await shard.Queue.RunAsync(new Numbered(Key(First), First), CancellationToken.None).WaitAsync(Limit)).Value);
    }

    [Fact]
    public async Task When_the_slow_operation_is_found_the_others_do_not_go_one_by_one()
    {
        const int Slow = 5;
        var sizes = new ConcurrentQueue<int>();
        await using var shard = await StartAsync(async operations =>
        {
            sizes.Enqueue(operations.Count);
            await Task.Yield();
            return operations.Any(operation => operation.Number == Slow)
                ? throw ScriptedShard.Error(PostgresErrorCodes.QueryCanceled)
                : Done(operations);
        });

        var all = Run(shard, 128);
        _firstMayEnd.SetResult();
        await Task.WhenAll(all).WaitAsync(Limit);

        Assert.Equal(128, sizes.First());
        Assert.InRange(sizes.Count, 5, 30);
    }

    [Fact]
    public async Task A_circuit_that_opens_ends_the_wait_also_of_those_that_go_together_again()
    {
        var circuit = new ShardCircuit();
        await using var shard = await StartAsync(operations =>
        {
            circuit.Open("the test says so");
            throw ScriptedShard.Error(PostgresErrorCodes.QueryCanceled);
        }, circuit);

        var all = Run(shard, 8);
        _firstMayEnd.SetResult();

        foreach (var one in all)
            Assert.Equal(ShardFailure.Unavailable, await FailureOfAsync(one));
        Assert.Equal(0, shard.Queue.Length);
    }

    [Fact]
    public async Task Operations_whose_session_was_opened_too_slowly_go_alone()
    {
        var database = await postgres.CreateShardAsync();
        var builder = new NpgsqlDataSourceBuilder((await postgres.ServerAsync()).ConnectionString(database.Name));
        builder.ConnectionStringBuilder.Pooling = false;
        builder.UsePhysicalConnectionInitializer(
            _ => throw new NotSupportedException(), _ => throw ScriptedShard.Error(PostgresErrorCodes.QueryCanceled));
        await using var source = builder.Build();
        await using var shard = new ScriptedShard(source, writes: true, _ => throw new NotSupportedException(), AloneAsync);

        await Task.WhenAll(Run(shard, 8)).WaitAsync(Limit);
    }

    /// <returns>A shard on which the first statement is under way. The later ones are those of the test.</returns>
    private async Task<ScriptedShard> StartAsync(Func<IReadOnlyList<Numbered>, Task<Fenced<int>[]>> together, ShardCircuit? circuit = null)
    {
        var shard = new ScriptedShard((await postgres.CreateShardAsync()).DataSource, writes: true, async operations =>
        {
            if (operations[0].Number != First)
                return await together(operations);
            _isUnderWay.TrySetResult();
            await _firstMayEnd.Task;
            return Done(operations);
        }, AloneAsync, circuit);
        _ = shard.Queue.RunAsync(new Numbered(Key(First), First), CancellationToken.None);
        await _isUnderWay.Task;
        return shard;
    }

    private static Task<Fenced<int>>[] Run(ScriptedShard shard, int count, CancellationToken deadline = default) =>
        [.. Enumerable.Range(1, count).Select(number => shard.Queue.RunAsync(new Numbered(Key(number), number), deadline))];

    private static Task<Fenced<int>> AloneAsync(Numbered operation, CancellationToken deadline) =>
        Task.FromResult(Fenced<int>.Answer(operation.Number));

    private static Fenced<int>[] Done(IReadOnlyList<Numbered> operations) =>
        [.. operations.Select(operation => Fenced<int>.Answer(operation.Number))];

    private static async Task<ShardFailure> FailureOfAsync(Task<Fenced<int>> call) =>
        (await Assert.ThrowsAsync<ShardCallException>(() => call.WaitAsync(Limit))).Failure;

    /// <summary>All keys are of one lane.</summary>
    private static ItemKey Key(int number) => Enumerable.Range(0, int.MaxValue)
        .Select(i => new ItemKey("c", string.Create(CultureInfo.InvariantCulture, $"{number}-{i}"), "x"))
        .First(key => key.Slot.Value % 2 == 0);
}
