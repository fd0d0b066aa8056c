using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// A check before a step that rests on what a shard has: every standby that streams from the shard must have it on its disk too. Then any
/// of them may take over.
/// </summary>
internal static class LevelStandbys
{
    /// <param name="connection">
    /// The session in which the caller saw what the shard has. A new connection may lead to a standby that took over meanwhile.
    /// </param>
    /// <param name="state">A sentence for the message: the state of the batch while the step is not taken.</param>
    /// <exception cref="StandbysBehindException" />
    public static async Task RequireAsync(
        NpgsqlConnection connection, ShardId shard, string state, MoveOptions options, CancellationToken cancellation)
    {
        if (!options.IgnoresStandbys && await StandbyFlush.WaitAsync(connection, options.StandbyLimit, cancellation) is { } behind)
            throw new StandbysBehindException(
                $"Within {options.StandbyLimit.TotalSeconds:0.#} s not every standby of {shard} has on its disk what the shard has: "
                + $"{behind}. {state} The standby has to catch up, or to be disconnected.");
    }

    /// <summary>The same for everything that was committed before, by any session.</summary>
    /// <exception cref="StandbysBehindException" />
    public static async Task RequireAsync(
        ShardDatabase source, ShardId shard, string state, MoveOptions options, CancellationToken cancellation)
    {
        if (options.IgnoresStandbys)
            return;
        await using var connection = await source.OpenAsync(cancellation);
        await RequireAsync(connection, shard, state, options, cancellation);
    }
}
