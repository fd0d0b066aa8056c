using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Keys;

/// <summary>
/// The shards that have the keys: those of the ring. A key that leaked cannot wait until Redis is back, so the list that each shard keeps
/// does too.
/// </summary>
internal sealed class KeyShards
{
    private readonly Option<string[]> _seeds = SeedOption.New(
        "A shard to ask for the list of shards, so that Redis is not needed; repeat the option for several (SHARDING_SEEDS is asked while "
        + "Redis does not answer)");

    public KeyShards(Command command) => command.Options.Add(_seeds);

    /// <exception cref="RedisUnavailableException">Redis does not answer, and no seed is known.</exception>
    /// <exception cref="ShardUnreachableException">No seed answers.</exception>
    public async Task<IReadOnlyList<Shard>> ReadAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        if (RingSeeds.Parse(parse.GetRequiredValue(_seeds)) is { Count: > 0 } given)
            return await AskAsync(session, given, cancellation);
        try
        {
            return [.. (await session.RequireRingAsync(cancellation)).Shards];
        }
        catch (RedisUnavailableException e) when (RingSeeds.FromEnvironment(session) is { Count: > 0 })
        {
            session.Output.Warn($"{e.Message.Split(": ")[0]}. The list of shards is that of SHARDING_SEEDS.");
            return await AskAsync(session, RingSeeds.FromEnvironment(session), cancellation);
        }
    }

    /// <summary>The list of the highest epoch that any of them has.</summary>
    private static async Task<IReadOnlyList<Shard>> AskAsync(
        AdminSession session, IReadOnlyList<ShardAddress> seeds, CancellationToken cancellation)
    {
        ShardUnreachableException? dead = null;
        ShardIdentity? latest = null;
        foreach (var seed in seeds)
            try
            {
                if (await RingSeeds.AskAsync(session, seed, cancellation) is { } identity
                    && identity.Cluster.Name == session.Settings.Cluster && (latest is null || identity.RingEpoch.Value > latest.RingEpoch.Value))
                    latest = identity;
            }
            catch (ShardUnreachableException e)
            {
                dead = e;
            }
        return latest?.Shards ?? throw (Exception?)dead ?? new CommandFailedException(
            ExitCode.Precondition, $"No seed is a shard of the cluster '{session.Settings.Cluster}'.",
            "name one: --seed host:port/database");
    }
}
