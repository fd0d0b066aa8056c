using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>Ends an import at a shard for a batch that is in no journal any more.</summary>
public static class AbandonedImport
{
    /// <summary>
    /// Ends the import in the same way as that of a cancelled batch. First it begins its own attempt, which ends the sessions of movers
    /// that slept, so that they bring nothing more. Then it deletes the rows in all slots of the batch, and then gives up the slots.
    /// </summary>
    /// <param name="target">The shard that imports the batch.</param>
    /// <param name="attempt">The last attempt that the shard knows.</param>
    /// <param name="slots">All slots of the batch.</param>
    /// <param name="epoch">The epoch of the ring.</param>
    /// <param name="access">Adjusts every connection.</param>
    /// <exception cref="Failures.AttemptOverException">A later attempt began meanwhile.</exception>
    public static async Task EndAsync(
        Shard target, Guid batch, int attempt, ShardId source, IReadOnlyCollection<Slot> slots, Epoch epoch, ShardAccess access,
        CancellationToken cancellation)
    {
        await using var connections = new MoveConnections(access, new MoveOptions().StepLimit);
        var shard = connections.Durable.Of(target);
        var ending = new MoveImport(new AttemptSessions(shard, AttemptSessions.NameOf(batch, attempt + 1)), batch, slots, attempt + 1);
        await ending.BeginAsync(source, epoch, cancellation);
        await FinishAsync(shard, batch, cancellation);
    }

    /// <summary>The same for an import of which no slot is importing any more: there is nothing to remove.</summary>
    public static Task FinishAsync(ShardDatabase target, Guid batch, CancellationToken cancellation) =>
        MoveImport.FinishAsync(target, batch, cancellation);
}
