using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Access;
using ShardCore.Ring;

namespace ShardAdmin.Keys;

/// <summary>
/// Brings what shards know of API keys to other shards. Rows are merged, so nothing that the other shard knows better is lost, and it
/// does not matter how often or in which order this is done.
/// </summary>
internal static class KeyCopy
{
    /// <summary>To a shard that joins, or is about to take slots.</summary>
    public static async Task RunAsync(AdminSession session, IEnumerable<Shard> from, Shard to, CancellationToken cancellation)
    {
        var others = await Reach.AllAsync(
            [.. from.Where(shard => shard.Id != to.Id)], shard => ApiKeyStore.ListAsync(session.Source(shard), cancellation));
        await WriteAsync(session, to, ApiKey.MergeAll(others.Values).Values, cancellation);
    }

    /// <summary>From a shard that leaves: a revocation that only it had heard of must stay.</summary>
    public static async Task RunAsync(AdminSession session, Shard leaving, IEnumerable<Shard> to, CancellationToken cancellation)
    {
        var keys = await Reach.ShardAsync(leaving, () => ApiKeyStore.ListAsync(session.Source(leaving), cancellation));
        foreach (var shard in to.Where(shard => shard.Id != leaving.Id))
            await WriteAsync(session, shard, keys, cancellation);
    }

    private static Task<bool> WriteAsync(AdminSession session, Shard to, IEnumerable<ApiKey> keys, CancellationToken cancellation) =>
        Reach.ShardAsync(to, async () =>
        {
            await ApiKeyStore.MergeAsync(session.Source(to), keys, cancellation);
            return true;
        });
}
