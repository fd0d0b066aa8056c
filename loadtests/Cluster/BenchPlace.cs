using Workbench;

namespace LoadTests.Cluster;

/// <summary>The folder and the ports of a bench's cluster. Clusters with different numbers can run side by side.</summary>
internal sealed record BenchPlace(int Number)
{
    /// <summary>
    /// More than the number of shards or routers of a bench. There is room for three more places before the routers' ports reach their
    /// operations ports.
    /// </summary>
    private const int PortsOfOne = 30;

    public static BenchPlace First { get; } = new(0);

    public string Home => Number == 0 ? Repository.BenchHome : FormattableString.Invariant($"{Repository.BenchHome}-{Number}");

    public int PortOffset => Repository.BenchPortOffset + (Number * PortsOfOne);
}
