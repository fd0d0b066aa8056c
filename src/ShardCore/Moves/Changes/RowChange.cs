namespace ShardCore.Moves.Changes;

/// <summary>The primary key of a row of <c>sharding.item</c>.</summary>
internal readonly record struct RowKey(string Slot, string Collection, string Pk, string Id);

/// <summary>A row's columns as text, as Postgres wrote them. The target casts them back.</summary>
/// <param name="Doc">Null: this change left a large document as it was (unchanged TOAST), so it was not sent.</param>
internal sealed record RowValues(string Version, string UpdatedAt, string? ExpiresAt, string? Doc);

/// <summary>One change of one row. <paramref name="Values"/> null: the row was deleted.</summary>
/// <param name="Inserted">True: the row was not there before.</param>
internal sealed record RowChange(RowKey Key, bool Inserted, RowValues? Values)
{
    private const int BytesOfObjects = 400; // seven strings and the objects around them

    /// <summary>About how much memory the change takes.</summary>
    public long Bytes =>
        BytesOfObjects + (sizeof(char) * ((long)Key.Collection.Length + Key.Pk.Length + Key.Id.Length + (Values?.Doc?.Length ?? 0)));
}
