using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>A batch and the shard whose journal contains it.</summary>
/// <param name="Bytes">The plan's estimate of its bytes.</param>
/// <param name="Unseen">The time since a mover last reported on it.</param>
/// <param name="IsHeld">True: a process holds the lock of its operation.</param>
internal sealed record SourcedBatch(
    Shard Source, MoveBatch Batch, long Bytes, MoveWish Wanted = MoveWish.Run, TimeSpan Unseen = default, bool IsHeld = false)
{
    /// <summary>For people: which batch of its operation, and between which shards.</summary>
    public string Name => $"Batch {Batch.Ordinal + 1}, {Source.Id} → {Batch.Target}";
}

internal static class MoveBatchPhase
{
    /// <summary>Whether the batch is past the point of no return: it can only go forward.</summary>
    public static bool IsReleased(this MoveBatch batch) => batch.Phase >= MovePhase.Released;
}
