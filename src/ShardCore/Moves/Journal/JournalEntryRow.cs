namespace ShardCore.Moves.Journal;

internal sealed class JournalEntryRow : JournalRow
{
    public string Wanted { get; init; } = "";
    public long BytesPlanned { get; init; }
    public double UnseenSeconds { get; init; }
    public bool IsHeld { get; init; }

    public JournalEntry ToEntry() => new(ToBatch(), Enum.Parse<MoveWish>(Wanted, ignoreCase: true), TimeSpan.FromSeconds(Math.Max(0, UnseenSeconds)), IsHeld, BytesPlanned);
}
