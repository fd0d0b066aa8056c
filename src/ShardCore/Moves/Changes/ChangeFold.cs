namespace ShardCore.Moves.Changes;

/// <summary>
/// What many changes come to for each row, so that one statement can apply them. Pure. The order of changes to one row
/// decides; those of different rows do not depend on each other within one target transaction.
/// </summary>
internal sealed class ChangeFold
{
    private readonly Dictionary<RowKey, Net> _rows = [];

    public int Rows => _rows.Count;

    /// <summary>Rows that the target must not have yet.</summary>
    public IEnumerable<(RowKey Key, RowValues Values)> Inserts => _rows.Where(row => !row.Value.WasThere && row.Value.Values is not null).Select(row => (row.Key, row.Value.Values!));

    /// <summary>Rows that the target must have.</summary>
    public IEnumerable<(RowKey Key, RowValues Values)> Updates => _rows.Where(row => row.Value.WasThere && row.Value.Values is not null).Select(row => (row.Key, row.Value.Values!));

    public IEnumerable<RowKey> Deletes => _rows.Where(row => row.Value.WasThere && row.Value.Values is null).Select(row => row.Key);

    public void Add(RowChange change)
    {
        var known = _rows.TryGetValue(change.Key, out var net);
        var values = change.Values is { Doc: null } && known ? change.Values with { Doc = net.Values?.Doc } : change.Values;
        _rows[change.Key] = new Net(known ? net.WasThere : !change.Inserted, values);
    }

    public void Clear() => _rows.Clear();

    /// <param name="WasThere">Before the first of the changes.</param>
    private readonly record struct Net(bool WasThere, RowValues? Values);
}
