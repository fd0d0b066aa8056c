namespace ShardAdmin.Telemetry;

/// <summary>Which rows of one shard's history are counted already.</summary>
/// <remarks>
/// By their ids, and not by a time up to which everything was seen: a row's <c>ended_at</c> is of before its commit, so one that
/// commits late, or was written when the clock was set back, would come behind that time and never be counted. The number of
/// rows tells whether there is anything new, so the history is read only when a batch has ended.
/// </remarks>
internal sealed class FinishedBatches
{
    private HashSet<Guid> _counted = [];

    /// <param name="rows">How many the history has.</param>
    public bool MayHaveNew(long rows) => rows != _counted.Count;

    /// <param name="history">All of it.</param>
    /// <returns>What is to be counted now, and never again.</returns>
    public IReadOnlyList<FinishedBatch> TakeNew(IReadOnlyList<FinishedBatch> history)
    {
        FinishedBatch[] fresh = [.. history.Where(batch => !_counted.Contains(batch.Id))];
        _counted = [.. history.Select(batch => batch.Id)]; // without what somebody has deleted, or it would be read at every look
        return fresh;
    }
}
