namespace ShardCore.Moves.Journal;

/// <summary>An unfinished batch, as its source's journal has it.</summary>
/// <param name="Unseen">Since a mover last reported or did something, by the clock of the source.</param>
/// <param name="IsHeld">Some process has the lock of this operation at the source (see <see cref="OperationLockKey"/>).</param>
/// <param name="BytesPlanned">The plan's estimate.</param>
public sealed record JournalEntry(MoveBatch Batch, MoveWish Wanted, TimeSpan Unseen, bool IsHeld, long BytesPlanned);
