using Npgsql;

namespace ShardRouter.Gathering;

/// <summary>One set-based statement, made for one connection and used again and again, that carries out many operations.</summary>
internal interface IGatheredStatement<TOperation, TResult> : IAsyncDisposable
{
    /// <summary>
    /// Sends the operations and sets each one's answer as soon as it is certain: a read's with its row, a write's only when
    /// the whole answer has been read and so the commit has happened.
    /// </summary>
    /// <remarks>Takes no cancellation: one request's end must not end the others'.</remarks>
    Task ExecuteAsync(IReadOnlyList<GatheredOperation<TOperation, TResult>> operations);
}
