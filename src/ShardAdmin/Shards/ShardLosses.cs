using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;

namespace ShardAdmin.Shards;

/// <summary>A shard's present position in its WAL, compared with the position that was seen before.</summary>
/// <param name="Stored">The position that Redis has.</param>
/// <param name="Reading">The present position; null: the shard does not answer, or it is a standby.</param>
/// <param name="Loss">A loss that a router or an agent has noted, or that was found now; null: no loss is known.</param>
internal sealed record ShardStanding(Shard Shard, StoredPosition Stored, ShardReading? Reading, ShardLoss? Loss);

/// <summary>Finds shards that came back without commits that were seen before. Changes nothing.</summary>
internal static class ShardLosses
{
    /// <exception cref="RedisUnavailableException" />
    public static async Task<IReadOnlyList<ShardStanding>> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var all = await session.Positions.ReadAsync(cancellation); // before the shards are asked, see ShardHistory
        var stored = shards.ToDictionary(shard => shard.Id, shard => all.GetValueOrDefault(shard.Id.Value) ?? StoredPosition.None);
        var answers = await Reach.TryAllAsync(shards, shard => AskAsync(session, shard, stored[shard.Id], cancellation));
        return [.. shards.Select(shard => answers[shard.Id].Answer ?? Unasked(shard, stored[shard.Id]))];
    }

    /// <summary>Requires that none of the shards has lost commits: no slot moves from or to a shard with an unknown loss.</summary>
    /// <exception cref="CommandFailedException" />
    public static async Task RequireNoneAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        ShardStanding[] lost = [.. (await ReadAsync(session, shards, cancellation)).Where(each => each.Loss is not null)];
        if (lost.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", lost.Select(Sentence)), ShardLoss.NextFor(lost[0].Shard.Id));
    }

    public static string Sentence(ShardStanding standing) => $"Shard {standing.Shard.Id} {standing.Loss?.Describe()}.";

    private static ShardStanding Unasked(Shard shard, StoredPosition stored) => new(shard, stored, null, stored.Value?.Loss);

    private static async Task<ShardStanding> AskAsync(
        AdminSession session, Shard shard, StoredPosition stored, CancellationToken cancellation)
    {
        var source = session.Source(shard);
        if (await ShardReading.ReadAsync(source, cancellation) is not { } reading)
            return Unasked(shard, stored);
        var history = new ShardHistory(shard.Id, AdminSession.Who, TimeProvider.System);
        await history.ObserveAsync(reading, stored, source, cancellation);
        return new ShardStanding(shard, stored, reading, history.Loss);
    }
}
