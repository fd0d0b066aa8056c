using System.Diagnostics.Metrics;
using ShardCore.Queries;
using ShardRouter.Telemetry;

namespace ShardRouter.Queries.Costs;

/// <summary>What queries cost, by operation and kind. Shapes are too many for labels; they are at <c>/admin/v1/queries</c>.</summary>
internal sealed class QueryMetrics : IDisposable
{
    private readonly Meter _meter = new(RouterMetrics.MeterName);
    private readonly Counter<long> _queries;
    private readonly Counter<long> _statements;
    private readonly Counter<double> _time;
    private readonly Counter<long> _scanned;
    private readonly Counter<long> _returned;
    private readonly Counter<long> _budgetStops;

    public QueryMetrics()
    {
        _queries = _meter.CreateCounter<long>(
            "sharding.queries", "{query}", "Queries that asked a shard, by operation and kind; each page is one.");
        _statements = _meter.CreateCounter<long>(
            "sharding.queries.shard.statements", "{statement}", "Statements of queries: one for each shard that a query asked.");
        _time = _meter.CreateCounter<double>("sharding.queries.shard.time", "s", "The time of these statements, summed over the shards.");
        _scanned = _meter.CreateCounter<long>("sharding.queries.items.scanned", "{item}", "Items that shards looked at for queries.");
        _returned = _meter.CreateCounter<long>(
            "sharding.queries.items.returned", "{item}", "Items, groups and counts in answers to queries.");
        _budgetStops = _meter.CreateCounter<long>(
            "sharding.queries.budget.stops", "{query}", "Queries whose page ended because the time to search was over.");
    }

    public void Add(QueryShape shape, QueryMeter meter, QueryEnd end)
    {
        KeyValuePair<string, object?>[] labels = [new("operation", shape.Operation), new("kind", shape.Kind)];
        _queries.Add(1, labels);
        _statements.Add(meter.Statements, labels);
        _time.Add(meter.Time.TotalSeconds, labels);
        _scanned.Add(meter.Scanned, labels);
        _returned.Add(end.Returned ?? 0, labels);
        _budgetStops.Add(end.IsCutByBudget ? 1 : 0, labels);
    }

    public void Dispose() => _meter.Dispose();
}
