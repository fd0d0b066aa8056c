namespace ShardCore.Moves.Journal;

/// <summary>
/// How far a deletion by pages has come: the answer of one page, and the beginning of the next (<c>sharding.delete_item_page</c>). It has
/// properties because Dapper sets them.
/// </summary>
internal sealed class DeletedPage
{
    public int Deleted { get; init; }

    /// <summary>The slot of the last key that was looked at; null: nothing is left.</summary>
    public short? Slot { get; init; }

    public string? Collection { get; init; }

    public string? Pk { get; init; }

    public string? Key { get; init; }

    /// <summary>The columns of the functions that return this.</summary>
    public const string Columns = "deleted as Deleted, p_slot as Slot, p_collection as Collection, p_pk as Pk, p_id as Key";
}
