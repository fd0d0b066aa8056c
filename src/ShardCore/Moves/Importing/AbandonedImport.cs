using Npgsql;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>What a shard still takes in for a batch that no journal has any more.</summary>
public static class AbandonedImport
{
    /// <summary>
    /// Ends it as a cancelled one is: an attempt of its own first, which ends the sessions of whoever slept and lets him bring nothing more, then the rows in all slots
    /// of the batch go, then its slots.
    /// </summary>
    /// <param name="target">The shard that takes it in.</param>
    /// <param name="attempt">The last that it knows.</param>
    /// <param name="slots">All of the batch.</param>
    /// <param name="epoch">Of the ring.</param>
    /// <param name="access">Adjusts every connection.</param>
    /// <exception cref="Failures.AttemptOverException">A later attempt began meanwhile.</exception>
    public static async Task EndAsync(
        Shard target, Guid batch, int attempt, ShardId source, IReadOnlyCollection<Slot> slots, Epoch epoch, ShardAccess access, CancellationToken cancellation)
    {
        await using var connections = new MoveConnections(access, new MoveOptions().StepLimit);
        var shard = connections.Durable.Of(target);
        var ending = new MoveImport(new AttemptSessions(shard, MoveImport.NameOf(batch, attempt + 1)), batch, slots, attempt + 1);
        await ending.BeginAsync(source, epoch, cancellation);
        await FinishAsync(shard, batch, cancellation);
    }

    /// <summary>Where none of its slots is still taken in: there is nothing to remove.</summary>
    public static Task FinishAsync(ShardDatabase target, Guid batch, CancellationToken cancellation) => MoveImport.FinishAsync(target, batch, cancellation);
}
