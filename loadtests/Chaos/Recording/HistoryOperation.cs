using System.Globalization;

namespace Chaos.Recording;

/// <summary>One operation of a recording, from its beginning to its end.</summary>
/// <param name="InvokedAt">A time before the request was sent, in microseconds of a monotonic clock.</param>
/// <param name="CompletedAt">A time after the answer had arrived; <see cref="Never"/> if the outcome is unknown.</param>
internal sealed record HistoryOperation(long Id, OperationKind Kind, long InvokedAt, long CompletedAt, OperationOutcome Outcome)
{
    /// <summary>A time later than all others: an operation of unknown outcome may take effect at any time.</summary>
    public const long Never = long.MaxValue;

    /// <summary>The item, if the partition has several.</summary>
    public string? Item { get; init; }

    /// <summary>The written value, which is unique in the history; for a read of one item, the value that was read.</summary>
    public string? Value { get; init; }

    /// <summary>The version that a condition named.</summary>
    public long? Expected { get; init; }

    public int? TtlSeconds { get; init; }

    /// <summary>
    /// The item's version after a successful write (not a delete) or in a read; after a failed condition, the version that the item had.
    /// </summary>
    public long? Version { get; init; }

    /// <summary>
    /// True: the condition did not hold (412), or there was nothing to change or delete (404). This shows the state of the item at that
    /// moment: it had <see cref="Version"/>, or did not exist.
    /// </summary>
    public bool IsRefused { get; init; }

    /// <summary>The list that a read saw; null: there was none.</summary>
    public IReadOnlyList<string>? Seen { get; init; }

    public string? Note { get; init; }

    /// <summary>
    /// The time of the answer to a write whose outcome counts as unknown because the shard lost commits afterwards: the write took effect
    /// before this time, if ever. <see cref="Never"/> for all other operations.
    /// </summary>
    public long AnsweredAt { get; init; } = Never;

    public bool IsOk => Outcome == OperationOutcome.Ok;

    /// <summary>Whether it may have been applied.</summary>
    public bool MayHaveLanded => Outcome != OperationOutcome.Fail;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"#{Id} {InvokedAt / 1e6:0.000000}…{(CompletedAt == Never ? "?" : (CompletedAt / 1e6).ToString("0.000000", CultureInfo.InvariantCulture))} s {Kind}{Part(" item ", Item)}{Part(" value ", Value)}{Part(" expecting ", Expected)}{Part(" ttl ", TtlSeconds)}: {(IsRefused ? "Refused" : Outcome)}{Part(" version ", Version)}{(Seen is null ? "" : $" [{string.Join(' ', Seen)}]")}{Part(" — ", Note)}");

    private static string Part<T>(string name, T? value) => value is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{name}{value}");
}
