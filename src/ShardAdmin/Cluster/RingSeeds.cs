using System.Text.RegularExpressions;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Addresses at which shards are asked for the shard list when Redis cannot tell: --seed, or SHARDING_SEEDS.</summary>
internal static partial class RingSeeds
{
    /// <exception cref="CommandFailedException">One of them is no address.</exception>
    public static IReadOnlyList<ShardAddress> Parse(IEnumerable<string> texts) =>
        [.. texts.Select(text => ShardAddress.TryParse(text.Trim()) ?? throw new CommandFailedException(
            ExitCode.Usage, $"A seed (--seed, SHARDING_SEEDS) is {ShardAddress.Form}, not '{text}'.", "shardadmin ring rebuild --help"))];

    public static IReadOnlyList<ShardAddress> FromEnvironment(AdminSession session) =>
        ParseList(session.Settings.Seeds);

    /// <param name="texts">With commas between them.</param>
    /// <exception cref="CommandFailedException">One of them is no address.</exception>
    public static IReadOnlyList<ShardAddress> ParseList(string texts) =>
        Parse(BetweenAddresses().Split(texts).Where(text => !string.IsNullOrWhiteSpace(text)));

    /// <summary>Who a database says it is; null when it is no shard.</summary>
    /// <exception cref="ShardUnreachableException" />
    public static Task<ShardIdentity?> AskAsync(AdminSession session, ShardAddress seed, CancellationToken cancellation) =>
        Reach.AddressAsync($"The seed {seed}", () => ShardOwnershipStore.ReadIdentityAsync(session.Sources.Of(seed), cancellation));

    /// <summary>An empty Redis is no proof that there is no cluster: the seeds may know one.</summary>
    public static async Task RequireNoClusterBehindAsync(AdminSession session, CancellationToken cancellation)
    {
        if (await session.FindRingAsync(cancellation) is not null)
            return;
        foreach (var seed in FromEnvironment(session))
            if (await AskAsync(session, seed, cancellation) is { } identity && identity.Cluster.Name == session.Settings.Cluster)
                throw new CommandFailedException(
                    ExitCode.Precondition, $"Redis has no ring, but the seed {seed} is shard {identity.Shard} of the cluster {identity.Cluster}.",
                    $"shardadmin ring rebuild --seed {seed}");
    }

    /// <summary>An address ends with its database. A comma before that is between two of its hosts.</summary>
    [GeneratedRegex("(?<=/[^/,]*),", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex BetweenAddresses();
}
