using LoadTests.Chaos.Cluster;

namespace LoadTests.Chaos.Faults;

/// <summary>Which shards have a standby of which kind: a function of the seed and of <c>--standbys</c>.</summary>
internal sealed class StandbyPlan
{
    public const string Synchronous = "sync", Asynchronous = "async", Both = "both", None = "none";

    public static readonly IReadOnlyList<string> Choices = [Synchronous, Asynchronous, Both, None];

    private StandbyPlan(IReadOnlyDictionary<string, bool> shards) => Shards = shards;

    /// <summary>Each shard that has a standby, and whether its commits wait for that.</summary>
    public IReadOnlyDictionary<string, bool> Shards { get; }

    /// <param name="choice">One of <see cref="Choices"/>.</param>
    public static StandbyPlan Of(int seed, string choice)
    {
        // One of each kind at least; the third as it falls.
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
