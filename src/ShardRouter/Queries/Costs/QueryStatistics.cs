using ShardCore.Queries;

namespace ShardRouter.Queries.Costs;

/// <summary>What queries have cost, by their shape. Bounded, and without any value or key; so people may look at it.</summary>
/// <remarks>
/// A new shape takes the place of the one that costs least. Its cost is shard time that counts half after an hour. So what was costly once
/// makes room, and what is costly now is kept. A shape that nobody asks for a day is forgotten.
/// </remarks>
internal sealed class QueryStatistics(QueryMetrics metrics, TimeProvider time)
{
    public const int MostShapes = 200;

    /// <summary>How long a shape is kept that nobody asks for.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    private static readonly TimeSpan HalfLife = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<QueryShape, Entry> _entries = [];

    /// <summary>Counts a request. One that came to no shard costs nothing and is left out.</summary>
    /// <param name="indexFields">Those of an index that would serve it.</param>
    public void Add(QueryShape shape, IReadOnlyList<QueryIndexField> indexFields, QueryMeter meter, QueryEnd end)
    {
        if (meter.Statements == 0)
            return;
        metrics.Add(shape, meter, end);
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (!_entries.TryGetValue(shape, out var entry))
            {
                MakeRoom(now);
                _entries.Add(shape, entry = new Entry(shape, now));
            }
            entry.Add(indexFields, meter, end, now);
        }
    }

    /// <returns>All shapes; that with the most shard time comes first.</returns>
    public IReadOnlyList<QueryCost> Read()
    {
        lock (_lock)
        {
            Forget(time.GetUtcNow());
            return [.. _entries.Values.Select(entry => entry.Cost).OrderByDescending(cost => cost.ShardSeconds)];
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        if (_entries.Count < MostShapes)
            return;
        Forget(now);
        if (_entries.Count == MostShapes)
            _entries.Remove(_entries.Values.MinBy(entry => entry.WeightAt(now))!.Cost.Shape);
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var entry in _entries.Values.Where(entry => now - entry.Cost.LastAt > Kept).ToArray())
            _entries.Remove(entry.Cost.Shape);
    }

    private sealed class Entry(QueryShape shape, DateTimeOffset since)
    {
        private double _weight;

        public QueryCost Cost { get; private set; } = new(shape, [], 0, 0, 0, 0, 0, 0, 0, 0, 0, since, since);

        /// <returns>Its seconds of shard time, the old ones for less.</returns>
        public double WeightAt(DateTimeOffset now) => _weight * Math.Pow(0.5, (now - Cost.LastAt) / HalfLife);

        public void Add(IReadOnlyList<QueryIndexField> indexFields, QueryMeter meter, QueryEnd end, DateTimeOffset now)
        {
            _weight = WeightAt(now) + meter.Time.TotalSeconds;
            Cost = Cost with
            {
                IndexFields = Cost.IndexFields.Count > 0 && indexFields.Any(field => field.Type is null) ? Cost.IndexFields : indexFields,
                Calls = Cost.Calls + 1,
                LaterPages = Cost.LaterPages + (end.IsLaterPage ? 1 : 0),
                Failed = Cost.Failed + (end.Returned is null ? 1 : 0),
                BudgetStops = Cost.BudgetStops + (end.IsCutByBudget ? 1 : 0),
                Statements = Cost.Statements + meter.Statements,
                Scanned = Cost.Scanned + meter.Scanned,
                Returned = Cost.Returned + (end.Returned ?? 0),
                ShardSeconds = Cost.ShardSeconds + meter.Time.TotalSeconds,
                LongestSeconds = Math.Max(Cost.LongestSeconds, meter.Longest.TotalSeconds),
                LastAt = now,
            };
        }
    }
}

/// <summary>How a request ended.</summary>
/// <param name="Returned">Items or groups in the answer; null: there is none.</param>
/// <param name="IsLaterPage">It went on from a cursor.</param>
/// <param name="IsCutByBudget">The time to search was over before the page was full.</param>
internal readonly record struct QueryEnd(int? Returned, bool IsLaterPage, bool IsCutByBudget);
