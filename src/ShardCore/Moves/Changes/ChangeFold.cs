namespace ShardCore.Moves.Changes;

/// <summary>
/// Combines many changes into one for each row, so that one statement can apply them. It has no I/O. The order of the changes to one row
/// matters. Changes to different rows do not depend on each other within one target transaction.
/// </summary>
internal sealed class ChangeFold
{
    private readonly Dictionary<RowKey, Net> _rows = [];

    public int Rows => _rows.Count;

    /// <summary>Rows that the target must not have yet.</summary>
    public IEnumerable<(RowKey Key, RowValues Values)> Inserts =>
        _rows.Where(row => !row.Value.WasThere && row.Value.Values is not null).Select(row => (row.Key, row.Value.Values!));

    /// <summary>Rows that the target must have.</summary>
    public IEnumerable<(RowKey Key, RowValues Values)> Updates =>
        _rows.Where(row => row.Value.WasThere && row.Value.Values is not null).Select(row => (row.Key, row.Value.Values!));

    public IEnumerable<RowKey> Deletes => _rows.Where(row => row.Value.WasThere && row.Value.Values is null).Select(row => row.Key);

    public void Add(RowChange change)
    {
        var known = _rows.TryGetValue(change.Key, out var net);
        var values = change.Values is { Doc: null } && known ? change.Values with { Doc = net.Values?.Doc } : change.Values;
        _rows[change.Key] = new Net(known ? net.WasThere : !change.Inserted, values);
    }

    /// <summary>The same changes, by the collection of their rows: each has a table of its own.</summary>
    public IReadOnlyDictionary<string, ChangeFold> ByCollection()
    {
        var found = new SortedDictionary<string, ChangeFold>(StringComparer.Ordinal);
        foreach (var (key, net) in _rows)
        {
            if (!found.TryGetValue(key.Collection, out var some))
                found[key.Collection] = some = new ChangeFold();
            some._rows[key] = net;
        }
        return found;
    }

    public void Clear() => _rows.Clear();

    /// <param name="WasThere">Whether the row was there before the first of the changes.</param>
    private readonly record struct Net(bool WasThere, RowValues? Values);
}
