using Chaos.Faults;

namespace Chaos;

/// <param name="Duration">The duration of faults and load.</param>
/// <param name="Seed">The number from which the schedule is made.</param>
/// <param name="Rate">The strength of the load; 1 is about 350 requests per second.</param>
/// <param name="Folder">The folder of the cluster, the recording and the logs.</param>
/// <param name="Build">True: the programs are built if their sources have changed.</param>
internal sealed record ChaosOptions(TimeSpan Duration, int Seed, double Rate, string Folder, bool Build)
{
    /// <summary>The kinds of standbys that shards have: one of <see cref="StandbyPlan.Choices"/>.</summary>
    public string Standbys { get; init; } = StandbyPlan.Both;

    /// <summary>Whether shards with two hosts are synchronous or asynchronous; null: shards have one host.</summary>
    public string? HaMode { get; init; }

    public string Recording => Path.Combine(Folder, "recording");

    public string Logs => Path.Combine(Folder, "logs");

    public string Cluster => Path.Combine(Folder, "cluster");
}
