using Chaos.Cluster;

namespace Chaos.Faults;

/// <summary>The kind of standby that each shard has: a function of the seed and of <c>--standbys</c>.</summary>
internal sealed class StandbyPlan
{
    public const string Synchronous = "sync", Asynchronous = "async", Both = "both", None = "none";

    public static readonly IReadOnlyList<string> Choices = [Synchronous, Asynchronous, Both, None];

    private StandbyPlan(IReadOnlyDictionary<string, bool> shards) => Shards = shards;

    /// <summary>Each shard with a standby, and whether its commits wait for the standby.</summary>
    public IReadOnlyDictionary<string, bool> Shards { get; }

    /// <param name="choice">One of <see cref="Choices"/>.</param>
    public static StandbyPlan Of(int seed, string choice)
    {
        // At least one of each kind; the kind of the third is random.
        var random = new Random(seed);
        bool[] kinds = [true, false, random.Next(2) == 0];
        random.Shuffle(kinds);
        var shards = choice == None ? [] : ChaosCluster.FirstShards;
        return new StandbyPlan(shards.Zip(kinds).ToDictionary(
            each => each.First, each => choice == Both ? each.Second : choice == Synchronous, StringComparer.Ordinal));
    }

    public override string ToString() => Shards.Count == 0
        ? "none"
        : string.Join(", ", Shards.Select(each => $"{each.Key} {(each.Value ? "synchronous" : "asynchronous")}"));
}
