using System.Diagnostics;
using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;
using LoadTests.References;

namespace LoadTests.Benches;

/// <summary>
/// Moves all slots of one shard to another with the real shardadmin, under a light load of writes, and compares this with a COPY of the
/// same rows between the same two servers. Each pair goes in the opposite direction of the pair before.
/// </summary>
internal sealed class MoveBench : IBench
{
    private const int WritesPerSecond = 50;
    private const int Users = 8;
    private const int LastItem = 9_999_999; // 7 digits
    private const double MaxPeakMiB = 200;

    public string Name => "move";

    public string Description => "one shard's slots to another shard under light writes, beside psql's COPY | COPY of the same rows";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(
            routers: 1, shards: 2, FormattableString.Invariant($"{run.Options.MovedRows:#,0} items in the first"), (status, stop) => FillAsync(status, run.Options.MovedRows, stop), cancellation);
        var bytes = await MovedRows.BytesAsync(cluster.Shard, cancellation);
        var slots = await MovedRows.OwnedSlotsAsync(cluster.Shard, cancellation);
        var items = await MovedRows.ItemsAsync(cluster.Shard, cancellation);
        await using var load = await BackgroundLoad.StartAsync(Writers(cluster.Router.Url, items), Users, WritesPerSecond, cancellation);

        var (moves, pipes) = (new List<LoadResult>(), new List<LoadResult>());
        var (peak, moved, wireBytes) = (0.0, 0, 0L);
        for (var pair = 0; pair < run.Options.Pairs; pair++)
        {
            var (from, to) = (pair % 2, 1 - pair % 2);
            await SettleAsync(cluster.Status, cancellation);
            pipes.Add(Result(bytes, await load.BesideAsync(CopyPipe.RunAsync(cluster.Status.Shards[from], cluster.Status.Shards[to], cancellation))));
            await SettleAsync(cluster.Status, cancellation);
            var move = await load.BesideAsync(AdminRun.RunAsync(cluster.Status, Arguments(slots, to, run.Options), cancellation));
            moves.Add(Result(bytes, move.Time));
            peak = Math.Max(peak, move.PeakResidentMiB);
            moved = (await MovedRows.OwnedSlotsAsync(cluster.Status.Shards[to], cancellation)).Intersect(slots).Count();
            wireBytes = (await MovedRows.ListAsync<long>(
                cluster.Status.Shards[from],
                "select sum(bytes_copied)::bigint from sharding.move_history where operation_id = (select operation_id from sharding.move_history order by ended_at desc limit 1)", cancellation))[0];
            run.Report.Progress(FormattableString.Invariant($"{pair + 1}/{run.Options.Pairs}  move {moves[^1].PerSecond:0.0} MB/s {move.Time.TotalSeconds:0.0} s   pipe {pipes[^1].PerSecond:0.0} MB/s {pipes[^1].Latency.Mean.TotalSeconds:0.0} s"));
        }
        Tell(run, new Standing("shardadmin move", moves), new Standing("psql | psql", pipes), bytes, wireBytes, (moved, slots.Count), peak);
    }

    private static async Task FillAsync(ClusterStatus cluster, int rows, CancellationToken cancellation)
    {
        await ItemFilling.CreateCollectionAsync(cluster.Routers[0].Url, cancellation);
        await MovedRows.FillAsync(cluster.Shard, LastItem, rows, cancellation);
    }

    private static async Task SettleAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        foreach (var shard in cluster.Shards)
            await ItemFilling.SettleAsync(shard, cancellation);
    }

    private static LoadScenario Writers(Uri router, IReadOnlyList<int> items) => new("writes", async (user, cancellation) =>
    {
        var connection = new HttpConnection(router);
        await connection.OpenAsync(cancellation);
        return new MovingItemSession(connection, items, user);
    });

    internal static string[] Arguments(IEnumerable<int> slots, int to, BenchOptions options) =>
    [
        "move", SlotList.Of(slots), "--to", FormattableString.Invariant($"s{to + 1}"), "--yes", "--quiet",
        .. options.MoveRate is { } rate ? (string[])["--rate", rate] : [],
        .. options.MoveBatchSlots is { } batch ? (string[])["--batch", FormattableString.Invariant($"{batch}")] : [],
    ];

    private static LoadResult Result(long bytes, TimeSpan time) => new(bytes / 1e6 / time.TotalSeconds, new Latency(time));

    private static void Tell(BenchRun run, Standing moves, Standing pipes, long bytes, long wireBytes, (int Moved, int Asked) slots, double peakMiB)
    {
        string[] Row(Standing standing) =>
        [
            standing.Name, FormattableString.Invariant($"{standing.MedianPerSecond:0.0}"), FormattableString.Invariant($"{standing.LeastPerSecond:0.0}"),
            FormattableString.Invariant($"{standing.MostPerSecond:0.0}"), FormattableString.Invariant($"{standing.MedianOf(time => time.Mean)!.Value.TotalSeconds:0.00}"),
        ];
        run.Report.Table(
            FormattableString.Invariant($"{slots.Asked:#,0} slots, {run.Options.MovedRows:#,0} rows, {bytes / 1e6:#,0} MB with their index ({wireBytes / 1e6:#,0} MB as COPY), {WritesPerSecond} writes/s, {run.Options.Pairs} pairs, {run.Options.MoveText}"),
            ["", "MB/s", "least", "most", "seconds"], [Row(moves), Row(pipes)]);
        run.Report.Told("move slots moved", slots.Moved, FormattableString.Invariant($"of {slots.Asked} that the plan needs at least"));
        run.Report.AtMost("move peak memory of shardadmin", peakMiB, MaxPeakMiB, "MiB");
        run.Report.Told("move as COPY bytes", wireBytes / 1e6 / moves.MedianOf(time => time.Mean)!.Value.TotalSeconds, "MB/s");
        run.Report.AtLeast("move throughput", moves.MedianPerSecond, 50, "MB/s");
        run.Report.Ratio("move", moves.RatioTo(pipes), target: 0.85);
    }
}
