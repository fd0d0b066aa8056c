namespace LoadTests.Benches;

/// <param name="Pairs">How often all contestants are measured, in turn: A B A B….</param>
/// <param name="Duration">The duration of each measurement.</param>
/// <param name="FirstWarmUp">The warm-up of each contestant before its first measurement: the just-in-time compiler must be done by
/// then.</param>
internal sealed record BenchOptions(int Pairs, TimeSpan Duration, TimeSpan FirstWarmUp)
{
    /// <summary>Environment variables of the router in the bench `variant`.</summary>
    public IReadOnlyDictionary<string, string?> VariantSettings { get; init; } = new Dictionary<string, string?>(StringComparer.Ordinal);

    /// <summary>The dll of that router, or of the one before indexes; null: the one of this checkout.</summary>
    public string? VariantProgram { get; init; }

    /// <summary>How many rows the bench `move` moves.</summary>
    public int MovedRows { get; init; }

    /// <summary>The least number of hand-overs that the bench `move-effect` waits for.</summary>
    public int Cutovers { get; init; }

    /// <summary>The load during the moves of the bench `move-effect`.</summary>
    public int WritesPerSecond { get; init; }

    /// <summary>The option --rate for shardadmin; null: its default.</summary>
    public string? MoveRate { get; init; }

    /// <summary>The option --batch for shardadmin; null: its default.</summary>
    public int? MoveBatchSlots { get; init; }

    /// <summary>The options of shardadmin move as text, for a report.</summary>
    public string MoveText => FormattableString.Invariant($"rate {MoveRate ?? "default"}, batches of {MoveBatchSlots?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "the default"} slots");

    /// <summary>The share of a core that each shard or router gets in the benches of scaling; null: the bench's own value.</summary>
    public double? Cores { get; init; }

    /// <summary>Whether the guard `quick` records its ratios instead of comparing them.</summary>
    public bool Record { get; init; }

    /// <summary>The warm-up before each later measurement: connections and the caches of their sessions are new.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(2);
}
