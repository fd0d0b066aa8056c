namespace ShardCore.Moves.Changes;

/// <summary>Which row: the primary key of <c>sharding.item</c>.</summary>
internal readonly record struct RowKey(string Slot, string Collection, string Pk, string Id);

/// <summary>A row's columns as Postgres wrote them: text, cast back by the target.</summary>
/// <param name="Doc">null: a large document that this change left as it was (unchanged TOAST), so it was not sent.</param>
internal sealed record RowValues(string Version, string UpdatedAt, string? ExpiresAt, string? Doc);

/// <summary>One change of one row. <paramref name="Values"/> null: deleted.</summary>
/// <param name="Inserted">The row was not there before.</param>
internal sealed record RowChange(RowKey Key, bool Inserted, RowValues? Values)
{
    private const int BytesOfObjects = 400; // seven strings and what holds them

    /// <summary>What it takes in memory, about.</summary>
    public long Bytes => BytesOfObjects + (sizeof(char) * ((long)Key.Collection.Length + Key.Pk.Length + Key.Id.Length + (Values?.Doc?.Length ?? 0)));
}
