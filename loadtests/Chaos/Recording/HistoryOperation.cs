using System.Globalization;

namespace LoadTests.Chaos.Recording;

/// <summary>One operation of a recording, from its beginning to its end.</summary>
/// <param name="InvokedAt">Microseconds of a monotonic clock; the request had not been sent then.</param>
/// <param name="CompletedAt">The answer had arrived then; <see cref="Never"/> while the outcome is unknown.</param>
internal sealed record HistoryOperation(long Id, OperationKind Kind, long InvokedAt, long CompletedAt, OperationOutcome Outcome)
{
    /// <summary>Later than everything: an operation whose outcome is unknown may take effect at any time.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Which of the partition's items, where it has several.</summary>
    public string? Item { get; init; }

    /// <summary>What was written (unique in the history), or of a single item's read what was read.</summary>
    public string? Value { get; init; }

    /// <summary>The version that a condition named.</summary>
    public long? Expected { get; init; }

    public int? TtlSeconds { get; init; }

    /// <summary>
    /// Of a success (but a delete's) or a read: the item's version; of a failed condition: the version that stood in its way.
    /// </summary>
    public long? Version { get; init; }

    /// <summary>
    /// The condition did not hold (412), or there was nothing to change or delete (404), which says what the item was at that
    /// moment: it had <see cref="Version"/>, or was not there.
    /// </summary>
    public bool IsRefused { get; init; }

    /// <summary>What a read saw; null: nothing was there.</summary>
    public IReadOnlyList<string>? Seen { get; init; }

    public string? Note { get; init; }

    /// <summary>
    /// The answer to a write whose outcome counts as unknown because the shard lost commits afterwards: it took effect before
    /// this moment, if ever. <see cref="Never"/> for every other operation.
    /// </summary>
    public long AnsweredAt { get; init; } = Never;

    public bool IsOk => Outcome == OperationOutcome.Ok;

    /// <summary>It may have been applied.</summary>
    public bool MayHaveLanded => Outcome != OperationOutcome.Fail;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"#{Id} {InvokedAt / 1e6:0.000000}…{(CompletedAt == Never ? "?" : (CompletedAt / 1e6).ToString("0.000000", CultureInfo.InvariantCulture))} s {Kind}{Part(" item ", Item)}{Part(" value ", Value)}{Part(" expecting ", Expected)}{Part(" ttl ", TtlSeconds)}: {(IsRefused ? "Refused" : Outcome)}{Part(" version ", Version)}{(Seen is null ? "" : $" [{string.Join(' ', Seen)}]")}{Part(" — ", Note)}");

    private static string Part<T>(string name, T? value) => value is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{name}{value}");
}
