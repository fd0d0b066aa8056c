namespace ShardAdmin.Telemetry;

/// <summary>Remembers which rows of one shard's history are counted already.</summary>
/// <remarks>
/// It remembers the ids of the rows, not a time up to which all rows were seen. A row's <c>ended_at</c> is a time before its commit: a
/// row that commits late, or was written while the clock was set back, would lie before the remembered time and would never be counted.
/// The number of rows and the last entry tell whether there are new rows: the ids are read only when a batch has ended. The number alone
/// does not tell it, because the shard deletes old rows when it adds new ones.
/// </remarks>
internal sealed class FinishedBatches
{
    private HashSet<Guid> _counted = [];
    private string _change = "";

    /// <param name="change">A text that changes whenever a row is added.</param>
    public bool MayHaveNew(string change) => change != _change;

    public Guid[] NotCounted(IEnumerable<Guid> ids) => [.. ids.Where(id => !_counted.Contains(id))];

    /// <param name="ids">The ids of all rows. From now on they count as counted.</param>
    public void Take(IEnumerable<Guid> ids, string change) => (_counted, _change) = ([.. ids], change);
}

/// <summary>A row of a source shard's history.</summary>
/// <param name="Outcome">done or cancelled</param>
/// <param name="PauseMs">How long writes to its slots were held; null: its mover died before it noted the time.</param>
internal sealed record FinishedBatch(
    Guid Id, string Target, string Outcome, int Slots, long Rows, long Bytes, long Changes, double? PauseMs);
