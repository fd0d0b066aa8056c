using ShardRouter.Outcomes;

namespace ShardRouter.Gathering;

/// <summary>A set-based statement that carries out many operations. It is made for one connection and used again and again.</summary>
internal interface IGatheredStatement<TOperation, TResult> : IAsyncDisposable
{
    /// <returns>
    /// One answer per operation, in their order. The task ends when the shard's whole answer has been read: only then has a write's
    /// commit happened.
    /// </returns>
    Task<Fenced<TResult>[]> ExecuteAsync(IReadOnlyList<TOperation> operations);

    /// <summary>
    /// After the commit, finds the places in the log of the operations that want to know them
    /// (<see cref="GatherKind{TOperation,TResult}.IsLocated"/>). The operations are done whether this succeeds or not.
    /// </summary>
    Task LocateAsync(IReadOnlyList<TOperation> operations) => Task.CompletedTask;
}
