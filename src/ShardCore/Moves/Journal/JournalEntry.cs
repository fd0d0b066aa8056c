using ShardCore.Moves.Batches;

namespace ShardCore.Moves.Journal;

/// <summary>An unfinished batch, as it is in its source's journal.</summary>
/// <param name="Unseen">The time since a mover last reported or did something, by the clock of the source.</param>
/// <param name="IsHeld">Whether some process has the lock of this operation at the source (see <see cref="OperationLockKey"/>).</param>
/// <param name="BytesPlanned">The plan's estimate.</param>
public sealed record JournalEntry(MoveBatch Batch, MoveWish Wanted, TimeSpan Unseen, bool IsHeld, long BytesPlanned);

internal sealed class JournalEntryRow : JournalRow
{
    public string Wanted { get; init; } = "";
    public long BytesPlanned { get; init; }
    public double UnseenSeconds { get; init; }
    public bool IsHeld { get; init; }

    public JournalEntry ToEntry() => new(
        ToBatch(), Enum.Parse<MoveWish>(Wanted, ignoreCase: true), TimeSpan.FromSeconds(Math.Max(0, UnseenSeconds)), IsHeld, BytesPlanned);
}
