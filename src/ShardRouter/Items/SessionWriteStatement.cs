using ShardRouter.Gathering;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// <see cref="WriteItemsStatement"/> with the checks that sessions need before and after it. Without sessions it is that statement alone.
/// </summary>
internal sealed class SessionWriteStatement(ShardSession session, bool atomic, long mostReturned = long.MaxValue)
    : IGatheredStatement<WriteOperation, WriteResult>
{
    private readonly WriteItemsStatement _write = new(session, atomic, mostReturned);
    private readonly WriteCheck _check = new(session);

    public static bool IsLocated(WriteOperation operation) => operation.Session is not null;

    public Task<Fenced<WriteResult>[]> ExecuteAsync(IReadOnlyList<WriteOperation> operations) =>
        operations.Any(IsLocated) ? CheckedAsync(operations, _write.ExecuteAsync) : _write.ExecuteAsync(operations);

    /// <summary>Applies each that can be applied, after an index refused one of them.</summary>
    public Task<Fenced<WriteResult>[]> ExecuteSeparatelyAsync(IReadOnlyList<WriteOperation> operations) =>
        operations.Any(IsLocated)
            ? CheckedAsync(operations, open => SeparateWrites.ApplyAsync(session, open, mostReturned))
            : SeparateWrites.ApplyAsync(session, operations, mostReturned);

    public Task LocateAsync(IReadOnlyList<WriteOperation> operations) => _check.LocateAsync(operations);

    private async Task<Fenced<WriteResult>[]> CheckedAsync(
        IReadOnlyList<WriteOperation> operations, Func<IReadOnlyList<WriteOperation>, Task<Fenced<WriteResult>[]>> write)
    {
        var refusals = await _check.BeforeAsync(operations);
        if (Array.TrueForAll(refusals, refusal => refusal is null))
            return await write(operations);
        var open = Enumerable.Range(0, operations.Count).Where(i => refusals[i] is null).ToArray();
        var written = atomic || open.Length == 0 ? [] : await write([.. open.Select(i => operations[i])]);
        var answers = new Fenced<WriteResult>[operations.Count];
        for (var i = 0; i < written.Length; i++)
            answers[open[i]] = written[i];
        for (var i = 0; i < answers.Length; i++)
            if (refusals[i] is { } refusal)
                answers[i] = Fenced<WriteResult>.Answer(refusal);
        return answers;
    }

    public ValueTask DisposeAsync() => _write.DisposeAsync();
}
