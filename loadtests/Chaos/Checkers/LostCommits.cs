using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>A stretch of time whose commits a shard lost, because an asynchronous standby that lacked them took over.</summary>
/// <param name="Keys">The partitions that the shard owned.</param>
/// <param name="From">
/// Microseconds of the recorder's clock, not later than the first commit that was lost. What was acknowledged before is expected
/// to be there.
/// </param>
/// <param name="To">Not earlier than the last answer of the old primary; after it only the new one answers.</param>
internal sealed record LostCommitWindow(IReadOnlySet<string> Keys, long From, long To)
{
    /// <summary>
    /// Nothing was lost, but a router that had not heard of the new primary may have read from the old one. Writes are held to as always.
    /// </summary>
    public bool OnlyReads { get; init; }
}

/// <summary>
/// Takes out of a history what a shard that lost commits need not keep, before a checker is given it. What a client was told
/// inside a window may be undone, so it is no promise; what it was told outside is held to as always.
/// </summary>
/// <remarks>
/// Of a key of the window, an operation that completed after its beginning and was invoked before its end lies in it.
/// An acknowledged write then counts as one of unknown outcome; a read, and a write whose condition failed, are left out,
/// because they may show what was lost; a write that failed, or whose outcome is unknown already, stays as it is. The write
/// keeps its version, and the time of its answer in <see cref="HistoryOperation.AnsweredAt"/>: it took effect before that or
/// never, so an operation outside the window that does not see it proves that it was lost, and it must not come back.
/// </remarks>
internal static class LostCommits
{
    /// <param name="key">The partition whose history this is.</param>
    /// <param name="history">By the operations' beginnings; it is not changed.</param>
    public static IReadOnlyList<HistoryOperation> Apply(
        string key, IReadOnlyList<HistoryOperation> history, IReadOnlyList<LostCommitWindow> windows)
    {
        LostCommitWindow[] own = [.. windows.Where(window => window.Keys.Contains(key))];
        return own.Length == 0
            ? history
            : [.. history.Select(operation => Of(operation, [.. own.Where(window => IsIn(operation, window))])).OfType<HistoryOperation>()];
    }

    private static bool IsIn(HistoryOperation operation, LostCommitWindow window) =>
        operation.CompletedAt > window.From && operation.InvokedAt < window.To;

    private static HistoryOperation? Of(HistoryOperation operation, LostCommitWindow[] windows) =>
        windows.Length == 0 || (windows.All(window => window.OnlyReads) && Remains(operation) is not null) ? operation : Remains(operation);

    private static HistoryOperation? Remains(HistoryOperation operation) => operation switch
    {
        { IsOk: true, Kind: OperationKind.Read or OperationKind.ReadLedger } or { IsRefused: true } => null,
        { IsOk: true } => operation with
        {
            Outcome = OperationOutcome.Unknown,
            AnsweredAt = operation.CompletedAt,
            CompletedAt = HistoryOperation.Never,
        },
        _ => operation,
    };
}
