using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using ShardCore.Ring;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Tests.Gathering;

/// <summary>A queue whose server takes connections and never answers: nothing is ever sent, so everything waits.</summary>
public sealed class GatherQueueTests : IAsyncDisposable
{
    private const int MaxWaiting = GatherLane<ItemKey, int>.MaxWaiting;

    private static readonly ItemKey Key = KeyOfLane(0);

    private readonly TcpListener _silent = new(IPAddress.Loopback, 0);
    private readonly RouterMetrics _metrics = new();
    private readonly ShardCircuit _circuit = new();
    private readonly NpgsqlDataSource _source;
    private readonly ShardPool _pool;
    private readonly GatherQueue<ItemKey, int> _queue;

    public GatherQueueTests()
    {
        _silent.Start();
        var port = ((IPEndPoint)_silent.LocalEndpoint).Port;
        _source = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={port};Username=nobody;Timeout=60;Pooling=false;SSL Mode=Disable");
        var sessions = new ShardSessions(_source);
        _pool = new ShardPool(
            new Shard(new ShardId("s1"), "127.0.0.1", port, "db"), sessions, sessions, new StatementCancel(sessions), 1, _circuit, _metrics, NullLogger.Instance);
        _queue = new GatherQueue<ItemKey, int>(
            new GatherKind<ItemKey, int>("write", Writes: true, Workers: 2, KeepsOrder: true, key => key, _ => 0, _ => 0, _ => false, _ => throw new NotSupportedException(), (_, _, _) => throw new NotSupportedException()),
            _pool, _metrics);
    }

    [Fact]
    public async Task More_than_the_bound_are_turned_away_at_once_and_the_other_lane_is_not_full()
    {
        var waiting = Enumerable.Range(0, MaxWaiting).Select(_ => _queue.RunAsync(Key, CancellationToken.None)).ToArray();

        Assert.Equal(ShardFailure.Overloaded, await FailureOfAsync(_queue.RunAsync(Key, CancellationToken.None)));
        Assert.Equal(MaxWaiting, _queue.Length);
        var other = _queue.RunAsync(KeyOfLane(1), CancellationToken.None);
        Assert.All([.. waiting, other], one => Assert.False(one.IsCompleted));

        _circuit.Open("the test says so");
        foreach (var one in waiting.Append(other))
            Assert.Equal(ShardFailure.Unavailable, (await Assert.ThrowsAsync<ShardCallException>(() => one)).Failure);
        Assert.Equal(0, _queue.Length);
    }

    [Fact]
    public async Task A_deadline_that_ends_before_a_statement_is_sent_is_certain_and_leaves_the_queue_at_once()
    {
        using var deadline = new CancellationTokenSource();
        Task<Fenced<int>>[] waiting = [_queue.RunAsync(Key, deadline.Token), _queue.RunAsync(Key, CancellationToken.None), _queue.RunAsync(Key, deadline.Token)];

        await deadline.CancelAsync();

        Assert.Equal(1, _queue.Length);
        Assert.False(waiting[1].IsCompleted);
        foreach (var one in (Task<Fenced<int>>[])[waiting[0], waiting[2]])
            Assert.Equal(ShardFailure.DeadlineExceeded, (await Assert.ThrowsAsync<ShardCallException>(() => one)).Failure);
        Assert.Equal(ShardFailure.DeadlineExceeded, await FailureOfAsync(_queue.RunAsync(Key, deadline.Token)));
    }

    [Fact]
    public async Task One_whose_connection_is_lost_is_counted_once()
    {
        var errors = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "sharding.shard.operation.errors")
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref errors, count));
        listener.Start();
        var underWay = _queue.RunAsync(Key, CancellationToken.None);

        _silent.Dispose();

        Assert.Equal(ShardFailure.Unavailable, (await Assert.ThrowsAsync<ShardCallException>(() => underWay)).Failure);
        Assert.Equal(1, errors);
    }

    private static async Task<ShardFailure> FailureOfAsync(Task<Fenced<int>> call)
    {
        Assert.True(call.IsCompleted, "It waits.");
        return (await Assert.ThrowsAsync<ShardCallException>(() => call)).Failure;
    }

    private static ItemKey KeyOfLane(int lane) => Enumerable.Range(0, int.MaxValue)
        .Select(i => new ItemKey("c", i.ToString(CultureInfo.InvariantCulture), "x"))
        .First(key => key.Slot.Value % 2 == lane);

    public async ValueTask DisposeAsync()
    {
        await _queue.DisposeAsync();
        _silent.Dispose();
        await _source.DisposeAsync();
        await _pool.DisposeAsync();
        _metrics.Dispose();
    }
}
