using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Scenarios;

/// <summary>A load as an application might make it, described once for every engine. All go through HAProxy and two routers to two shards.</summary>
/// <param name="PerSecond">Open loop: so many operations begin each second. Chosen to be less than half of what two cores can do.</param>
/// <param name="Users">Connections: the most that are busy at once.</param>
/// <param name="Open">Makes the scenario, given its name and the proxy's address.</param>
internal sealed record LoadCase(string Name, string Description, double PerSecond, int Users, Func<string, Uri, LoadScenario> Open)
{
    /// <summary>Items beside those of all benches, which it needs.</summary>
    public ItemSet? Items { get; init; }

    /// <summary>What happens meanwhile; null: nothing.</summary>
    public ILoadEvent? Event { get; init; }

    /// <summary>Refused and lost requests are told and no failure. A wrong answer always is one.</summary>
    public bool MayFail { get; init; }

    public int Seconds { get; init; } = 30;
}
