using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>What a register's history says of the item: which write has which version, and what each answer shows.</summary>
internal sealed class RegisterStates
{
    private readonly long[] _order;

    /// <param name="violations">Gets the contradictions in which write has which version.</param>
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

    /// <summary>All that may have given the item a version.</summary>
    public IReadOnlyList<HistoryOperation> Writes { get; }

    /// <summary>All that may have deleted the item.</summary>
    public IReadOnlyList<HistoryOperation> Deletes { get; }

    /// <summary>The reads that show the item.</summary>
    public IReadOnlyList<HistoryOperation> Reads { get; }

    /// <summary>The operations that say that the item was there, and with which version, if they say that.</summary>
    public IReadOnlyList<(HistoryOperation By, long? Version)> Presences { get; }

    /// <summary>The write of each version, as far as it is known.</summary>
    public SortedDictionary<long, HistoryOperation> Versions { get; }

    /// <returns>The known writes whose versions lie between these two, from the lowest.</returns>
    public IEnumerable<HistoryOperation> Between(long lower, long upper) =>
        _order.Skip(After(lower)).TakeWhile(version => version < upper).Select(version => Versions[version]);

    /// <returns>The known version directly before this one, and the known one directly after it.</returns>
    public (long? Before, long? After) NeighboursOf(long version)
    {
        var after = After(version);
        var before = after - (Versions.ContainsKey(version) ? 2 : 1);
        return (before < 0 ? null : _order[before], after == _order.Length ? null : _order[after]);
    }

    /// <returns>Every operation that shows a state or has a version, with the highest version that was known before it began.</returns>
    public IEnumerable<(HistoryOperation Operation, HistoryOperation Latest)> WithLatestBefore()
    {
        HistoryOperation[] telling = [.. History.Where(operation => operation.IsOk || operation.IsRefused)];
        var completed = new PriorityQueue<HistoryOperation, long>(telling.Select(operation => (operation, operation.CompletedAt)));
        HistoryOperation? latest = null;
        foreach (var operation in telling) // by their beginning
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

    /// <returns>The item was there, with this version (null: with some version); null: the operation does not say it.</returns>
    public static (bool IsThere, long? Version)? PresenceIn(HistoryOperation operation) => operation switch
    {
        { Kind: OperationKind.Read, IsOk: true, Version: not null } or { IsRefused: true, Version: not null } => (true, operation.Version),
        { Kind: OperationKind.Replace or OperationKind.Patch or OperationKind.Delete, IsOk: true } => (true, operation.Expected),
        _ => null,
    };

    /// <returns>The operation says that the item was not there at some moment of it.</returns>
    public static bool IsAbsence(HistoryOperation operation) =>
        operation is { Version: null, Kind: OperationKind.Read or OperationKind.Delete, IsOk: true } or { IsRefused: true, Version: null };

    public static bool IsOkWrite(HistoryOperation operation) => operation is { IsOk: true, Kind: not (OperationKind.Read or OperationKind.Delete) };

    /// <returns>The operation says that the item had a lower version than this at some moment, or was not there.</returns>
    public static bool IsWithout(long version, HistoryOperation operation) =>
        IsAbsence(operation) || (PresenceIn(operation) is { Version: { } shown } && shown < version);

    /// <summary>What was there before this delete began was there after its answer, so the shard lost it.</summary>
    private bool IsLost(HistoryOperation delete) => Presences.Any(each => each.By.InvokedAt > delete.AnsweredAt
        && each.Version is { } version && Versions.TryGetValue(version, out var write) && write.CompletedAt < delete.InvokedAt);

    private int After(long version) => Array.BinarySearch(_order, version) is var place && place >= 0 ? place + 1 : ~place;

    /// <summary>
    /// Of acknowledged writes by their answers; of unknown ones by the reads that show their value; of those that may have been
    /// lost by any operation that shows the version of their answer.
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
