using System.Globalization;
using Chaos.Cluster;
using Workbench;

namespace Chaos.Matrix;

/// <summary>Runs cells one after the other on one cluster. After a cell with problems the next one gets a new cluster.</summary>
internal sealed class MatrixRun(ChaosOptions options, ChaosLog log)
{
    private readonly List<CellResult> _results = [];
    private ChaosCluster? _cluster;
    private int _clusters;

    /// <param name="staleRouter">Whether the cell with the router that sleeps during a move runs too.</param>
    /// <returns>The result of each cell.</returns>
    public async Task<IReadOnlyList<CellResult>> RunAsync(IReadOnlyList<MatrixCell> cells, bool staleRouter, CancellationToken interrupt)
    {
        try
        {
            var number = 0;
            foreach (var cell in cells)
                await RunCellAsync(cell.ToString(), number++, run => run.RunAsync(cell, interrupt), interrupt);
            if (staleRouter)
                await RunCellAsync("stale-router", number, run => run.RunStaleRouterAsync(interrupt), interrupt);
            if (_cluster is not null)
                _results.Add(new CellResult("audit at the end", default, 0, 0, 0, default, await ClusterAudit.RunAsync(_cluster, ChaosCluster.FirstShards, interrupt)));
            return _results;
        }
        finally
        {
            await EndClusterAsync(keepLogs: false);
        }
    }

    public static string Table(IReadOnlyList<CellResult> results) => MarkdownTable.Of(
        ["step/fault", "result", "recovery", "requests", "failed", "unknown", "longest write"],
        results.Select(result => new[]
        {
            result.Name, result.IsRight ? "ok" : $"{result.Problems.Count} problems", string.Create(CultureInfo.InvariantCulture, $"{result.Recovery.TotalSeconds:0.0} s"),
            Number(result.Requests), Number(result.Failed), Number(result.Unknown), FigureText.Time(result.LongestWrite),
        }));

    private async Task RunCellAsync(string name, int number, Func<CellRun, Task<CellResult>> run, CancellationToken interrupt)
    {
        _cluster ??= await StartClusterAsync(interrupt);
        CellResult result;
        try
        {
            result = await run(new CellRun(_cluster, log, options.Recording, number));
        }
        catch (Exception e) when (!interrupt.IsCancellationRequested)
        {
            result = new CellResult(name, default, 0, 0, 0, default, [e.ToString()]);
        }
        _results.Add(result);
        log.Tell("matrix", string.Create(
            CultureInfo.InvariantCulture, $"{name}: {(result.IsRight ? "ok" : "WRONG")}, recovered in {result.Recovery.TotalSeconds:0.0} s; {result.Requests} requests, {result.Failed} failed, {result.Unknown} unknown"));
        foreach (var problem in result.Problems)
            log.Write($"PROBLEM {name}: {problem}");
        if (!result.IsRight)
            await EndClusterAsync(keepLogs: true);
    }

    private async Task<ChaosCluster> StartClusterAsync(CancellationToken interrupt)
    {
        var home = string.Create(CultureInfo.InvariantCulture, $"{options.Cluster}-{++_clusters}");
        var cluster = await ChaosCluster.StartAsync(home, Path.Combine(options.Logs, Path.GetFileName(home)), options.Build, interrupt);
        await new ClusterRest(cluster, log).CreateCollectionsAsync(interrupt);
        return cluster;
    }

    private async Task EndClusterAsync(bool keepLogs)
    {
        if (_cluster is null)
            return;
        if (keepLogs)
            _cluster.CopyLogs(Path.Combine(options.Logs, Path.GetFileName(_cluster.Home)));
        await _cluster.DisposeAsync();
        _cluster = null;
    }

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
