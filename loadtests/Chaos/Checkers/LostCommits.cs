using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>A time whose commits a shard lost, because an asynchronous standby that lacked them took over.</summary>
/// <param name="Keys">The partitions that the shard owned.</param>
/// <param name="From">
/// The beginning, in microseconds of the recorder's clock: not later than the first lost commit. Writes that were acknowledged before must
/// be there.
/// </param>
/// <param name="To">The end: not earlier than the last answer of the old primary. Afterwards only the new primary answers.</param>
internal sealed record LostCommitWindow(IReadOnlySet<string> Keys, long From, long To)
{
    /// <summary>
    /// True: nothing was lost, but a router that did not know the new primary yet may have read from the old one. The rules for writes are
    /// as usual.
    /// </summary>
    public bool OnlyReads { get; init; }
}

/// <summary>
/// Removes from a history the promises that a shard need not keep after it lost commits, before a checker gets the history. An answer
/// inside a window is not a promise, because it may be undone. Answers outside the window are checked as usual.
/// </summary>
/// <remarks>
/// An operation on a key of the window is inside the window if it completed after the window's beginning and was invoked before its end.
/// Inside the window an acknowledged write counts as a write of unknown outcome. A read, and a write whose condition failed, are removed,
/// because they may show lost commits. A write that failed, or whose outcome is unknown already, stays unchanged. The acknowledged write
/// keeps its version, and the time of its answer in <see cref="HistoryOperation.AnsweredAt"/>: it took effect before that time or never.
/// Therefore an operation outside the window that does not see it proves that it was lost, and then it must not come back.
/// </remarks>
internal static class LostCommits
{
    /// <param name="key">The partition of this history.</param>
    /// <param name="history">The operations in the order of their beginnings. The list is not changed.</param>
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
