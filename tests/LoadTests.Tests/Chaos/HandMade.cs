using Chaos.Recording;

namespace LoadTests.Tests.Chaos;

/// <summary>Operations of hand-made histories. Times are whole numbers; the operation lasts from the first to the second.</summary>
internal static class HandMade
{
    private static long _operations;

    public static HistoryOperation Ok(OperationKind kind, long from, long to, string? value = null, long? version = null, long? expected = null, string? item = null, int? ttl = null) =>
        Operation(kind, from, to, OperationOutcome.Ok) with { Value = value, Version = version, Expected = expected, Item = item, TtlSeconds = ttl };

    public static HistoryOperation Unknown(OperationKind kind, long from, string? value = null, long? expected = null, string? item = null) =>
        Operation(kind, from, HistoryOperation.Never, OperationOutcome.Unknown) with { Value = value, Expected = expected, Item = item };

    public static HistoryOperation Failed(OperationKind kind, long from, long to, string? value = null, long? expected = null, string? item = null) =>
        Operation(kind, from, to, OperationOutcome.Fail) with { Value = value, Expected = expected, Item = item };

    public static HistoryOperation Refused(OperationKind kind, long from, long to, string? value = null, long? version = null, long? expected = null, string? item = null) =>
        Failed(kind, from, to, value, expected, item) with { IsRefused = true, Version = version };

    /// <summary>A read that saw these.</summary>
    public static HistoryOperation Saw(OperationKind kind, long from, long to, params string[] seen) =>
        Operation(kind, from, to, OperationOutcome.Ok) with { Seen = seen };

    public static IReadOnlyList<HistoryOperation> History(params HistoryOperation[] operations) => [.. operations.OrderBy(operation => operation.InvokedAt)];

    private static HistoryOperation Operation(OperationKind kind, long from, long to, OperationOutcome outcome) => new(Interlocked.Increment(ref _operations), kind, from, to, outcome);
}
