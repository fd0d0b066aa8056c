using ShardRouter.Routing;

namespace ShardRouter.Gathering;

/// <summary>One set-based statement, made for one connection and used again and again, that carries out many operations.</summary>
internal interface IGatheredStatement<TOperation, TResult> : IAsyncDisposable
{
    /// <returns>
    /// One answer per operation, in their order, when the whole answer of the shard has been read: only then has a write's commit happened.
    /// </returns>
    Task<Fenced<TResult>[]> ExecuteAsync(IReadOnlyList<TOperation> operations);

    /// <summary>
    /// Finds out, after the commit, where in the log the operations are that want to know
    /// (<see cref="GatherKind{TOperation,TResult}.IsLocated"/>). They are done whether this succeeds or not.
    /// </summary>
    Task LocateAsync(IReadOnlyList<TOperation> operations) => Task.CompletedTask;
}
