using LoadTests.Benches;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Scenarios;

/// <summary>
/// A load like that of an application, described once for all engines. All loads go through HAProxy and two routers to two shards.
/// </summary>
/// <param name="PerSecond">Open loop: how many operations begin per second. It is less than half of the throughput of two cores.</param>
/// <param name="Users">The largest number of connections that are busy at the same time.</param>
/// <param name="Open">Makes the scenario from its name and the proxy's address.</param>
internal sealed record LoadCase(string Name, string Description, double PerSecond, int Users, Func<string, Uri, LoadScenario> Open)
{
    /// <summary>Items that it needs in addition to those of all benches.</summary>
    public ItemSet? Items { get; init; }

    /// <summary>Items of queries that it needs; null: none.</summary>
    public RankedItems? Ranked { get; init; }

    /// <summary>The indexes that the ranked items have from the beginning.</summary>
    public IReadOnlyList<ItemIndex> Indexes { get; init; } = [];

    /// <summary>An event during the load; null: none.</summary>
    public ILoadEvent? Event { get; init; }

    /// <summary>True: refused and lost requests are counted, but do not fail the run. A wrong answer always fails it.</summary>
    public bool MayFail { get; init; }

    public int Seconds { get; init; } = 30;
}
