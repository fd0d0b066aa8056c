using System.Diagnostics;
using System.Globalization;
using ShardCore.Queries;
using ShardRouter.Queries.Costs;

namespace ShardRouter.Tests.Queries;

/// <summary>What is kept of which shapes. No server is needed.</summary>
public sealed class QueryStatisticsTests : IDisposable
{
    private readonly QueryMetrics _metrics = new();
    private readonly SteppedTime _time = new();
    private readonly QueryStatistics _statistics;

    public QueryStatisticsTests() => _statistics = new QueryStatistics(_metrics, _time);

    [Fact]
    public void Requests_of_one_shape_add_up()
    {
        var meter = Meter(seconds: 1);
        meter.Ended(Stopwatch.GetTimestamp() - (3 * Stopwatch.Frequency));
        var shard = new ScannedItems(meter);
        shard.Are(7, 0);
        shard.Are(1000, 10);
        new ScannedItems(meter).Are(0, 5); // its Postgres does not count
        _statistics.Add(Shape("a"), [], meter, new QueryEnd(15, IsLaterPage: false, IsCutByBudget: false));
        _time.Step(TimeSpan.FromMinutes(1));
        _statistics.Add(Shape("a"), [], Meter(seconds: 0.5), new QueryEnd(2, IsLaterPage: true, IsCutByBudget: true));
        _statistics.Add(Shape("a"), [], Meter(seconds: 0.5), new QueryEnd(null, IsLaterPage: false, IsCutByBudget: false));

        var cost = Assert.Single(_statistics.Read());
        Assert.Equal((3, 1, 1, 1), (cost.Calls, cost.LaterPages, cost.Failed, cost.BudgetStops));
        Assert.Equal((4, 1005, 17), (cost.Statements, cost.Scanned, cost.Returned));
        Assert.InRange(cost.ShardSeconds, 5, 6);
        Assert.InRange(cost.LongestSeconds, 3, 3.5);
        Assert.Equal(TimeSpan.FromMinutes(1), cost.LastAt - cost.Since);
    }

    [Fact]
    public void A_request_that_came_to_no_shard_is_left_out()
    {
        _statistics.Add(Shape("a"), [], new QueryMeter(), new QueryEnd(null, IsLaterPage: false, IsCutByBudget: false));
        Assert.Empty(_statistics.Read());
    }

    [Fact]
    public void However_many_shapes_there_are_the_costly_ones_are_kept()
    {
        Add("costly", seconds: 100);
        Add("dear", seconds: 50);
        for (var i = 0; i < 3 * QueryStatistics.MostShapes; i++)
            Add(i.ToString(CultureInfo.InvariantCulture), seconds: 0.01);

        var kept = _statistics.Read();
        Assert.Equal(QueryStatistics.MostShapes, kept.Count);
        Assert.Equal(["costly", "dear"], kept.Take(2).Select(cost => cost.Shape.Filter));
    }

    [Fact]
    public void What_was_costly_long_ago_makes_room()
    {
        Add("past", seconds: 100);
        for (var i = 1; i < QueryStatistics.MostShapes; i++)
            Add(i.ToString(CultureInfo.InvariantCulture), seconds: 1);
        _time.Step(TimeSpan.FromHours(12)); // 100 s count as 0.02 s
        for (var i = 1; i < QueryStatistics.MostShapes; i++)
            Add(i.ToString(CultureInfo.InvariantCulture), seconds: 1);
        Add("new", seconds: 0.1);

        Assert.DoesNotContain(_statistics.Read(), cost => cost.Shape.Filter == "past");
        Assert.Contains(_statistics.Read(), cost => cost.Shape.Filter == "new");
    }

    [Fact]
    public void A_shape_is_forgotten_that_nobody_asks_for_a_day()
    {
        Add("old", seconds: 100);
        Add("asked", seconds: 1);
        _time.Step(QueryStatistics.Kept);
        Add("asked", seconds: 1);
        Assert.Equal(2, _statistics.Read().Count);

        _time.Step(TimeSpan.FromSeconds(1));
        Assert.Equal(["asked"], _statistics.Read().Select(cost => cost.Shape.Filter));
    }

    [Fact]
    public void Types_of_the_order_that_were_found_once_stay_known()
    {
        var end = new QueryEnd(1, IsLaterPage: false, IsCutByBudget: false);
        _statistics.Add(Shape("a"), [new("total", null, false)], Meter(1), end);
        _statistics.Add(Shape("a"), [new("total", "number", false)], Meter(1), end);
        _statistics.Add(Shape("a"), [new("total", null, false)], Meter(1), end);

        Assert.Equal([new QueryIndexField("total", "number", false)], Assert.Single(_statistics.Read()).IndexFields);
    }

    [Fact]
    public void A_report_comes_back_as_it_was()
    {
        _statistics.Add(Shape("name eq <&é😀\""), [new("name", "text", true)], Meter(1), new QueryEnd(1, false, false));
        var report = new QueryCostReport("r1", _time.GetUtcNow(), _statistics.Read());

        var read = QueryCostReport.Parse(report.ToJson())!;
        Assert.Equal(("r1", report.At), (read.Router, read.At));
        Assert.Equal(report.Queries.Select(cost => cost with { IndexFields = [] }), read.Queries.Select(cost => cost with { IndexFields = [] }));
        Assert.Equal([new QueryIndexField("name", "text", true)], read.Queries[0].IndexFields);
        Assert.Null(QueryCostReport.Parse("not found"u8));
        Assert.Null(QueryCostReport.Parse("""{"router":"r1"}"""u8));
    }

    public void Dispose() => _metrics.Dispose();

    private void Add(string filter, double seconds) =>
        _statistics.Add(Shape(filter), [], Meter(seconds), new QueryEnd(1, IsLaterPage: false, IsCutByBudget: false));

    private static QueryShape Shape(string filter) => new("c", "query", QueryKind.Scan, filter, null, null, null);

    private static QueryMeter Meter(double seconds)
    {
        var meter = new QueryMeter();
        meter.Ended(Stopwatch.GetTimestamp() - (long)(seconds * Stopwatch.Frequency));
        return meter;
    }

    private sealed class SteppedTime : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => _now;

        public void Step(TimeSpan by) => _now += by;
    }
}
