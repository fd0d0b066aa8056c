using System.Collections.Concurrent;
using ShardAdmin.Agents;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Telemetry;

/// <summary>Keeps the metrics of moves up to date: reads the journals beside the agent's own looks, which never wait for it.</summary>
/// <remarks>
/// The counters are those of the histories, from their beginning: they go on where they were when an agent starts anew, and
/// have what ended while none ran. What a history loses (a shard restored from a backup) they keep.
/// </remarks>
internal sealed class JournalWatch(AdminSession session, MoveMetrics metrics, AgentLog log) : IAsyncDisposable
{
    /// <summary>A shard that hangs must not keep the others' metrics from being read for long.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<ShardId, JournalReader> _readers = new();
    private Task _reading = Task.CompletedTask;

    /// <summary>Begins to read, unless it still does since the last look.</summary>
    public void Look(IReadOnlyCollection<Shard> shards, CancellationToken stop)
    {
        if (_reading.IsCompleted)
            _reading = ReadAsync(shards, stop);
    }

    public async ValueTask DisposeAsync() => await _reading;

    private async Task ReadAsync(IReadOnlyCollection<Shard> shards, CancellationToken stop)
    {
        await Task.Yield(); // the look goes on
        metrics.KeepOnly(shards.Select(shard => shard.Id).ToHashSet());
        var problems = await Task.WhenAll(shards.Select(shard => TryReadAsync(shard, stop)));
        if (!stop.IsCancellationRequested)
            log.State("metrics", problems.OfType<string>().ToArray() is { Length: > 0 } some ? string.Join(" ", some) : null);
    }

    /// <returns>The problem, if there is one.</returns>
    private async Task<string?> TryReadAsync(Shard shard, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        try
        {
            // By its id alone: a shard that is at another address now has brought its history along.
            var (unfinished, ended) = await _readers.GetOrAdd(shard.Id, _ => new JournalReader(session.Source)).ReadAsync(shard, limit.Token);
            metrics.Read(shard.Id, unfinished, ended);
            return null;
        }
        catch (Exception e)
        {
            if (!stop.IsCancellationRequested)
                metrics.Failed(shard.Id);
            return $"The journal of shard {shard.Id} was not read: {(e is OperationCanceledException ? $"no answer within {Limit.TotalSeconds:0} s." : e.Message)}";
        }
    }
}
