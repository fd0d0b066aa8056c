using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>The states of a register according to its history: the write of each version, and the state that each answer shows.</summary>
internal sealed class RegisterStates
{
    private readonly long[] _order;

    /// <param name="violations">Gets the contradictions about the write of a version.</param>
    public RegisterStates(IReadOnlyList<HistoryOperation> history, List<Violation> violations)
    {
        History = history;
        Writes = [.. history.Where(operation => operation.Kind is not (OperationKind.Read or OperationKind.Delete) && operation.MayHaveLanded)];
        Reads = [.. history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Value: not null })];
        Presences = [.. history.Select(operation => (Operation: operation, Presence: PresenceIn(operation)))
            .Where(each => each.Presence is not null).Select(each => (each.Operation, each.Presence!.Value.Version))];
        Versions = VersionsOf(violations);
        _order = [.. Versions.Keys];
        Deletes = [.. history.Where(operation => operation.Kind == OperationKind.Delete && operation.MayHaveLanded && !IsLost(operation))];
    }

    public IReadOnlyList<HistoryOperation> History { get; }

    /// <summary>All operations that may have given the item a version.</summary>
    public IReadOnlyList<HistoryOperation> Writes { get; }

    /// <summary>All operations that may have deleted the item.</summary>
    public IReadOnlyList<HistoryOperation> Deletes { get; }

    /// <summary>The reads that show the item.</summary>
    public IReadOnlyList<HistoryOperation> Reads { get; }

    /// <summary>The operations that show that the item existed, and its version, if they show it.</summary>
    public IReadOnlyList<(HistoryOperation By, long? Version)> Presences { get; }

    /// <summary>The write of each version whose write is known.</summary>
    public SortedDictionary<long, HistoryOperation> Versions { get; }

    /// <returns>The known writes with versions between these two, beginning with the lowest.</returns>
    public IEnumerable<HistoryOperation> Between(long lower, long upper) =>
        _order.Skip(After(lower)).TakeWhile(version => version < upper).Select(version => Versions[version]);

    /// <returns>The known versions directly before and directly after this one.</returns>
    public (long? Before, long? After) NeighboursOf(long version)
    {
        var after = After(version);
        var before = after - (Versions.ContainsKey(version) ? 2 : 1);
        return (before < 0 ? null : _order[before], after == _order.Length ? null : _order[after]);
    }

    /// <returns>Every operation that shows a state or has a version, and the highest version that was known before it began.</returns>
    public IEnumerable<(HistoryOperation Operation, HistoryOperation Latest)> WithLatestBefore()
    {
        HistoryOperation[] telling = [.. History.Where(operation => operation.IsOk || operation.IsRefused)];
        var completed = new PriorityQueue<HistoryOperation, long>(telling.Select(operation => (operation, operation.CompletedAt)));
        HistoryOperation? latest = null;
        foreach (var operation in telling) // in the order of their beginnings
        {
            while (completed.TryPeek(out var done, out var at) && at < operation.InvokedAt)
            {
                completed.Dequeue();
                if (done.Version is not null && (latest is null || done.Version > latest.Version))
                    latest = done;
            }
            if (latest is not null)
                yield return (operation, latest);
        }
    }

    /// <returns>The item existed with this version (null: with an unknown version); null: the operation does not show it.</returns>
    public static (bool IsThere, long? Version)? PresenceIn(HistoryOperation operation) => operation switch
    {
        { Kind: OperationKind.Read, IsOk: true, Version: not null } or { IsRefused: true, Version: not null } => (true, operation.Version),
        { Kind: OperationKind.Replace or OperationKind.Patch or OperationKind.Delete, IsOk: true } => (true, operation.Expected),
        _ => null,
    };

    /// <returns>Whether the operation shows that the item did not exist at some moment of the operation.</returns>
    public static bool IsAbsence(HistoryOperation operation) =>
        operation is { Version: null, Kind: OperationKind.Read or OperationKind.Delete, IsOk: true } or { IsRefused: true, Version: null };

    public static bool IsOkWrite(HistoryOperation operation) => operation is { IsOk: true, Kind: not (OperationKind.Read or OperationKind.Delete) };

    /// <returns>Whether the operation shows that at some moment the item had a lower version than this, or did not exist.</returns>
    public static bool IsWithout(long version, HistoryOperation operation) =>
        IsAbsence(operation) || (PresenceIn(operation) is { Version: { } shown } && shown < version);

    /// <summary>
    /// Whether the shard lost this delete: a version that existed before the delete began existed again after its answer.
    /// </summary>
    private bool IsLost(HistoryOperation delete) => Presences.Any(each => each.By.InvokedAt > delete.AnsweredAt
        && each.Version is { } version && Versions.TryGetValue(version, out var write) && write.CompletedAt < delete.InvokedAt);

    private int After(long version) => Array.BinarySearch(_order, version) is var place && place >= 0 ? place + 1 : ~place;

    /// <summary>
    /// Finds the version of each write: of acknowledged writes in their answers; of unknown writes in reads that show their value; of
    /// writes that may have been lost in any operation that shows the version of their answer.
    /// </summary>
    private SortedDictionary<long, HistoryOperation> VersionsOf(List<Violation> violations)
    {
        var versions = new SortedDictionary<long, HistoryOperation>();
        foreach (var write in Writes.Where(write => write.IsOk))
            if (!versions.TryAdd(write.Version!.Value, write))
                violations.Add(new Violation("two writes have one version", versions[write.Version.Value], write));
        var unknown = Writes.Where(write => !write.IsOk).ToDictionary(write => write.Value!, StringComparer.Ordinal);
        foreach (var read in Reads)
            if (unknown.TryGetValue(read.Value!, out var write) && !versions.TryAdd(read.Version!.Value, write) && versions[read.Version.Value] != write)
                violations.Add(new Violation("two writes have one version", versions[read.Version.Value], write, read));
            else if (write is { Version: { } acknowledged } && acknowledged != read.Version)
                violations.Add(new Violation("a write shows with another version than it was acknowledged with", write, read));
        var shown = Presences.Select(each => each.Version).ToHashSet();
        foreach (var write in Writes.Where(write => !write.IsOk && write.Version is not null && shown.Contains(write.Version)))
            if (!versions.TryAdd(write.Version!.Value, write) && versions[write.Version.Value] != write)
                violations.Add(new Violation("two writes have one version", versions[write.Version.Value], write));
        return versions;
    }
}
