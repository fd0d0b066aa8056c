using System.Collections.Concurrent;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Agents;

/// <summary>
/// An agent's knowledge of the positions that were seen on each shard. The agent shares it with routers through Redis; without Redis it
/// goes by its own memory.
/// </summary>
internal sealed class LostShards(AdminSession session)
{
    private readonly ConcurrentDictionary<ShardId, ShardHistory> _histories = []; // concurrent: running operations read it too

    /// <summary>Reads the positions of all shards that answer and looks for shards that lost commits.</summary>
    /// <returns>A sentence for each shard that lost commits, for a person to settle; null: there is none.</returns>
    public async Task<string?> LookAsync(ShardRing ring, CancellationToken cancellation)
    {
        foreach (var gone in _histories.Keys.Where(id => ring.Find(id) is null))
            _histories.TryRemove(gone, out _);
        ShardHistory[] histories = [.. ring.Shards.Select(shard => Of(shard.Id))];
        await TryAsync(() => session.Positions.ReadAsync(histories, cancellation)); // before the shards are asked, see ShardHistory
        await Reach.TryAllAsync(ring.Shards, shard => ObserveAsync(shard, cancellation));
        await TryAsync(() => session.Positions.WriteAsync(histories, cancellation));
        var lost = string.Join(" ", histories.Where(history => history.Loss is not null).Select(Sentence));
        return lost.Length > 0 ? lost : null;
    }

    /// <summary>
    /// Whether an agent may work on the batch: it is released already, it is to be cancelled, or both of its shards have every commit that
    /// was seen on them.
    /// </summary>
    public bool MayGoOn(SourcedBatch each) =>
        each.Batch.IsReleased() || each.Wanted == MoveWish.Cancel || (IsWhole(each.Source.Id) && IsWhole(each.Batch.Target));

    private static string Sentence(ShardHistory history) =>
        $"Shard {history.Shard} {history.Loss?.Describe()}. No move from or to it begins. '{ShardLoss.NextFor(history.Shard)}' "
        + "settles it.";

    private bool IsWhole(ShardId shard) => _histories.GetValueOrDefault(shard)?.Loss is null;

    private ShardHistory Of(ShardId shard) => _histories.GetOrAdd(
        shard, id => new ShardHistory(id, $"agent {AdminSession.Who}-{Environment.ProcessId}", TimeProvider.System));

    private async Task<bool> ObserveAsync(Shard shard, CancellationToken cancellation)
    {
        var (history, source) = (_histories[shard.Id], session.Source(shard));
        var known = history.Stored;
        if (await ShardReading.ReadAsync(source, cancellation) is { } reading)
            await history.ObserveAsync(reading, known, source, cancellation);
        return true;
    }

    /// <summary>Ignores that Redis is away: the agent then goes by its own memory.</summary>
    private static async Task TryAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RedisUnavailableException)
        {
            // MoveAgent.ReadRingAsync logs that Redis is away.
        }
    }
}
