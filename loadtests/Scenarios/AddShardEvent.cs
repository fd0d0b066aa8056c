using System.Globalization;
using LoadTests.Cluster;

namespace LoadTests.Scenarios;

/// <summary>A third shard joins, and the real shardadmin moves its share of slots to it from the two present shards.</summary>
internal sealed class AddShardEvent : ILoadEvent
{
    private const string Id = "s3";
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    public Task PrepareAsync(BenchCluster cluster, CancellationToken cancellation) => cluster.StartShardAsync(Id, cancellation);

    public async Task RunAsync(BenchCluster cluster, LoadMarks marks, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(Quiet < duration / 4 ? Quiet : duration / 4, cancellation);
        var shard = cluster.Status.Shards[^1];
        marks.Add("add-shard");
        var run = await AdminRun.RunAsync(
            cluster.Status,
            ["add-shard", Id, "--host", shard.Host, "--port", shard.Port.ToString(CultureInfo.InvariantCulture), "--database", shard.Database, "--yes", "--quiet"],
            cancellation);
        marks.Add(string.Create(CultureInfo.InvariantCulture, $"done, {run.Time.TotalSeconds:0.0} s"));
    }
}
