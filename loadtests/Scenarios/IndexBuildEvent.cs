using System.Globalization;
using LoadTests.Benches;
using LoadTests.Cluster;

namespace LoadTests.Scenarios;

/// <summary>An index is built over all items of the load, in all shards, by shardadmin.</summary>
internal sealed class IndexBuildEvent(RankedItems items, ItemIndex index) : ILoadEvent
{
    /// <summary>How long the load is measured before, to compare with.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(20);

    public Task PrepareAsync(BenchCluster cluster, CancellationToken cancellation) => Task.CompletedTask;

    public async Task RunAsync(BenchCluster cluster, LoadMarks marks, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(Quiet < duration / 4 ? Quiet : duration / 4, cancellation);
        marks.Add("index " + index.Name);
        var time = await IndexBuild.RunAsync(cluster.Status, items.Collection, index, cancellation);
        marks.Add(string.Create(CultureInfo.InvariantCulture, $"ready, {time.TotalSeconds:0.0} s"));
    }
}
