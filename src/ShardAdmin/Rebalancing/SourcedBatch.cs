using ShardCore.Moves;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>A batch and the shard whose journal it is in.</summary>
/// <param name="Bytes">The plan's estimate.</param>
/// <param name="Unseen">Since a mover last worked on it.</param>
/// <param name="IsHeld">Some process has its operation's lock.</param>
internal sealed record SourcedBatch(Shard Source, MoveBatch Batch, long Bytes, MoveWish Wanted = MoveWish.Run, TimeSpan Unseen = default, bool IsHeld = false);

internal static class MoveBatchPhase
{
    /// <summary>Past the point of no return: forward only.</summary>
    public static bool IsReleased(this MoveBatch batch) => batch.Phase >= MovePhase.Released;
}
