using System.Collections.Concurrent;
using ShardAdmin.CommandLine;
using ShardAdmin.Telemetry;
using ShardCore.Ring;

namespace ShardAdmin.Agents;

/// <summary>Keeps the metrics of moves up to date. It reads the journals beside the agent, and the agent never waits for it.</summary>
/// <remarks>
/// The counters count the histories from their beginning. After a restart of the agent they continue at the same values, and they include
/// batches that ended while no agent ran. If a history loses rows (its shard was restored from a backup), the counters of a running agent
/// keep them.
/// </remarks>
internal sealed class JournalWatch(AdminSession session, MoveMetrics metrics, AgentLog log) : IAsyncDisposable
{
    /// <summary>The longest time that a shard that hangs delays the metrics of the others.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<ShardId, JournalReader> _readers = new();
    private Task _reading = Task.CompletedTask;

    /// <summary>Begins to read, unless the last reading is still going on.</summary>
    public void Look(IReadOnlyCollection<Shard> shards, CancellationToken stop)
    {
        if (_reading.IsCompleted)
            _reading = ReadAsync(shards, stop);
    }

    public async ValueTask DisposeAsync() => await _reading;

    private async Task ReadAsync(IReadOnlyCollection<Shard> shards, CancellationToken stop)
    {
        await Task.Yield(); // the agent's look continues at once
        metrics.KeepOnly(shards.Select(shard => shard.Id).ToHashSet());
        var problems = await Task.WhenAll(shards.Select(shard => TryReadAsync(shard, stop)));
        if (!stop.IsCancellationRequested)
            log.State("metrics", problems.OfType<string>().ToArray() is { Length: > 0 } some ? string.Join(" ", some) : null);
    }

    /// <returns>The problem; null: there is none.</returns>
    private async Task<string?> TryReadAsync(Shard shard, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        try
        {
            // The key is the id alone: a shard with a new address still has the same history.
            var reader = _readers.GetOrAdd(shard.Id, _ => new JournalReader(session.Source));
            var (unfinished, ended) = await reader.ReadAsync(shard, limit.Token);
            metrics.Read(shard.Id, unfinished, ended);
            return null;
        }
        catch (Exception e)
        {
            if (!stop.IsCancellationRequested)
                metrics.Failed(shard.Id);
            var problem = e is OperationCanceledException ? $"no answer within {Limit.TotalSeconds:0} s." : e.Message;
            return $"The journal of shard {shard.Id} was not read: {problem}";
        }
    }
}
