namespace LoadTests.Cluster;

/// <summary>Where a bench keeps a cluster: a folder and ports. Clusters of different numbers stand side by side.</summary>
internal sealed record BenchPlace(int Number)
{
    /// <summary>More than a bench has shards or routers. Three more places fit before the routers' ports come to those of their operations.</summary>
    private const int PortsOfOne = 30;

    public static BenchPlace First { get; } = new(0);

    public string Home => Number == 0 ? Repository.BenchHome : FormattableString.Invariant($"{Repository.BenchHome}-{Number}");

    public int PortOffset => Repository.BenchPortOffset + (Number * PortsOfOne);
}
