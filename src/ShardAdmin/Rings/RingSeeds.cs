using System.Text.RegularExpressions;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Rings;

/// <summary>
/// The seeds (--seed or SHARDING_SEEDS): addresses of shards that are asked for the list of shards when Redis does not have it.
/// </summary>
internal static partial class RingSeeds
{
    /// <exception cref="CommandFailedException">One of the texts is not an address.</exception>
    public static IReadOnlyList<ShardAddress> Parse(IEnumerable<string> texts) =>
        [.. texts.Select(text => ShardAddress.TryParse(text.Trim()) ?? throw new CommandFailedException(
            ExitCode.Usage, $"A seed (--seed, SHARDING_SEEDS) is {ShardAddress.Form}, not '{text}'.", "shardadmin ring rebuild --help"))];

    public static IReadOnlyList<ShardAddress> FromEnvironment(AdminSession session) =>
        ParseList(session.Settings.Seeds);

    /// <param name="texts">Addresses with commas between them.</param>
    /// <exception cref="CommandFailedException">One of the texts is not an address.</exception>
    public static IReadOnlyList<ShardAddress> ParseList(string texts) =>
        Parse(BetweenAddresses().Split(texts).Where(text => !string.IsNullOrWhiteSpace(text)));

    /// <summary>Reads the identity of a database; null: it is not a shard.</summary>
    /// <exception cref="ShardUnreachableException" />
    public static Task<ShardIdentity?> AskAsync(AdminSession session, ShardAddress seed, CancellationToken cancellation) =>
        Reach.AddressAsync($"The seed {seed}", () => ShardOwnershipStore.ReadIdentityAsync(session.Sources.Of(seed), cancellation));

    /// <summary>Requires that the seeds know no cluster: an empty Redis does not prove that there is none.</summary>
    public static async Task RequireNoClusterBehindAsync(AdminSession session, CancellationToken cancellation)
    {
        if (await session.FindRingAsync(cancellation) is not null)
            return;
        foreach (var seed in FromEnvironment(session))
            if (await AskAsync(session, seed, cancellation) is { } identity && identity.Cluster.Name == session.Settings.Cluster)
                throw new CommandFailedException(
                    ExitCode.Precondition,
                    $"Redis has no ring, but the seed {seed} is shard {identity.Shard} of the cluster {identity.Cluster}.",
                    $"shardadmin ring rebuild --seed {seed}");
    }

    /// <summary>A comma after a database separates two addresses. A comma before the database separates two hosts of one address.</summary>
    [GeneratedRegex("(?<=/[^/,]*),", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex BetweenAddresses();
}
