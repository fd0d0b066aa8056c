namespace ShardAdmin.Telemetry;

/// <summary>Which rows of one shard's history are counted already.</summary>
/// <remarks>
/// By their ids, and not by a time up to which everything was seen: a row's <c>ended_at</c> is of before its commit, so one that
/// commits late, or was written when the clock was set back, would come behind that time and never be counted. The number of rows and
/// the last entry tell whether there is anything new, so the ids are read only when a batch has ended. The number alone would not do: the
/// shard deletes old rows when it adds new ones.
/// </remarks>
internal sealed class FinishedBatches
{
    private HashSet<Guid> _counted = [];
    private string _change = "";

    /// <param name="change">Differs from the one before whenever a row was added.</param>
    public bool MayHaveNew(string change) => change != _change;

    public Guid[] NotCounted(IEnumerable<Guid> ids) => [.. ids.Where(id => !_counted.Contains(id))];

    /// <param name="ids">Of all rows; they are counted from now on.</param>
    public void Take(IEnumerable<Guid> ids, string change) => (_counted, _change) = ([.. ids], change);
}
