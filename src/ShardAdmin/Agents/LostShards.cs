using System.Collections.Concurrent;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Agents;

/// <summary>An agent's knowledge of the shards' histories, which it shares with routers by Redis and keeps without it.</summary>
internal sealed class LostShards(AdminSession session)
{
    private readonly ConcurrentDictionary<ShardId, ShardHistory> _histories = []; // operations that run ask, too

    /// <summary>The shards that lost commits, as far as they answer.</summary>
    /// <returns>What a person has to settle; null: nothing.</returns>
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
    /// Whether an agent may go on with the batch: it is past its release, it is to be cancelled, or both of its shards have all that was
    /// seen of them.
    /// </summary>
    public bool MayGoOn(SourcedBatch each) =>
        each.Batch.IsReleased() || each.Wanted == MoveWish.Cancel || (IsWhole(each.Source.Id) && IsWhole(each.Batch.Target));

    private static string Sentence(ShardHistory history) =>
        $"Shard {history.Shard} {history.Loss?.Describe()}. No move from or to it begins. '{ShardLoss.NextFor(history.Shard)}' settles it.";

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

    /// <summary>Without Redis the agent goes by its own memory.</summary>
    private static async Task TryAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RedisUnavailableException)
        {
            // The agent's log tells of Redis.
        }
    }
}
