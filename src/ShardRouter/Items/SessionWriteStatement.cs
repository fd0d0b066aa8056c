using ShardRouter.Consistency;
using ShardRouter.Gathering;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><see cref="WriteItemsStatement"/> with what sessions want before and after it. For all others it is that statement.</summary>
internal sealed class SessionWriteStatement(ShardSession session, bool atomic) : IGatheredStatement<WriteOperation, WriteResult>
{
    private readonly WriteItemsStatement _write = new(session.Connection, atomic);
    private readonly WriteCheck _check = new(session);

    public static bool IsLocated(WriteOperation operation) => operation.Session is not null;

    public Task<Fenced<WriteResult>[]> ExecuteAsync(IReadOnlyList<WriteOperation> operations) =>
        operations.Any(IsLocated) ? CheckedAsync(operations) : _write.ExecuteAsync(operations);

    public Task LocateAsync(IReadOnlyList<WriteOperation> operations) => _check.LocateAsync(operations);

    private async Task<Fenced<WriteResult>[]> CheckedAsync(IReadOnlyList<WriteOperation> operations)
    {
        var refusals = await _check.BeforeAsync(operations);
        if (Array.TrueForAll(refusals, refusal => refusal is null))
            return await _write.ExecuteAsync(operations);
        var open = Enumerable.Range(0, operations.Count).Where(i => refusals[i] is null).ToArray();
        var written = atomic || open.Length == 0 ? [] : await _write.ExecuteAsync([.. open.Select(i => operations[i])]);
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
