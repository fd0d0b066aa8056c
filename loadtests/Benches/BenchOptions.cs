namespace LoadTests.Benches;

/// <param name="Pairs">How often all contestants are measured, in turn: A B A B….</param>
/// <param name="Duration">Of each measurement.</param>
/// <param name="FirstWarmUp">Once for each contestant before the first measurement: what is compiled just in time must be by then.</param>
internal sealed record BenchOptions(int Pairs, TimeSpan Duration, TimeSpan FirstWarmUp)
{
    /// <summary>Environment variables of the router in the bench `variant`.</summary>
    public IReadOnlyDictionary<string, string?> VariantSettings { get; init; } = new Dictionary<string, string?>(StringComparer.Ordinal);

    /// <summary>That router's dll, when it is not this checkout's.</summary>
    public string? VariantProgram { get; init; }

    /// <summary>How much the bench `move` moves.</summary>
    public int MovedRows { get; init; }

    /// <summary>How many hand-overs the bench `move-effect` waits for, at least.</summary>
    public int Cutovers { get; init; }

    /// <summary>The load beside the moves of the bench `move-effect`.</summary>
    public int WritesPerSecond { get; init; }

    /// <summary>What shardadmin is told as --rate; null: nothing, its default.</summary>
    public string? MoveRate { get; init; }

    /// <summary>What shardadmin is told as --batch; null: nothing, its default.</summary>
    public int? MoveBatchSlots { get; init; }

    /// <summary>What shardadmin move is told of how to move, for a report.</summary>
    public string MoveText => FormattableString.Invariant($"rate {MoveRate ?? "default"}, batches of {MoveBatchSlots?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "the default"} slots");

    /// <summary>The share of a core of each shard or router in the benches of scaling; null: the bench's own.</summary>
    public double? Cores { get; init; }

    /// <summary>Whether the guard `quick` writes down what it measures, instead of comparing it.</summary>
    public bool Record { get; init; }

    /// <summary>Before each later measurement: connections are new, caches of their sessions too.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(2);
}
