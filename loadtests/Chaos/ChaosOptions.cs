using LoadTests.Chaos.Faults;

namespace LoadTests.Chaos;

/// <param name="Duration">How long faults and load go on.</param>
/// <param name="Seed">What the schedule is made from.</param>
/// <param name="Rate">1: about 350 requests a second.</param>
/// <param name="Folder">Where the cluster, the recording and the logs are.</param>
/// <param name="Build">Builds the programs if their sources changed.</param>
internal sealed record ChaosOptions(TimeSpan Duration, int Seed, double Rate, string Folder, bool Build)
{
    /// <summary>Which kinds of standbys shards have: one of <see cref="StandbyPlan.Choices"/>.</summary>
    public string Standbys { get; init; } = StandbyPlan.Both;

    /// <summary>Shards have two hosts each, synchronous or asynchronous; null: one.</summary>
    public string? HaMode { get; init; }

    public string Recording => Path.Combine(Folder, "recording");

    public string Logs => Path.Combine(Folder, "logs");

    public string Cluster => Path.Combine(Folder, "cluster");
}
