using Npgsql;

namespace ShardRouter.Gathering;

/// <summary>One set-based statement, made for one connection and used again and again, that carries out many operations.</summary>
internal interface IGatheredStatement<TOperation, TResult> : IAsyncDisposable
{
    /// <summary>
    /// Sends the operations and sets each one's answer as soon as it is certain: a read's with its row, a write's only when
    /// the whole answer has been read and so the commit has happened.
    /// </summary>
    /// <param name="deadline">Not looked at: one request's end must not end the others'.</param>
    Task ExecuteAsync(IReadOnlyList<GatheredOperation<TOperation, TResult>> operations);
}

/// <summary>How a kind of operation is gathered.</summary>
/// <param name="Name">For metrics: read, write.</param>
/// <param name="Writes">A lost connection then means that the outcome is unknown.</param>
/// <param name="Workers">Statements of a shard that are under way at the same time.</param>
/// <param name="KeepsOrder">Operations of one slot go through one worker, in the order in which they came.</param>
/// <param name="SizeOf">Bytes of an operation's documents, so that a statement stays small.</param>
/// <param name="NewStatement">Prepared on a worker's connection.</param>
/// <param name="Alone">Carries one operation out by itself, with its own deadline.</param>
internal sealed record GatherKind<TOperation, TResult>(
    string Name, bool Writes, int Workers, bool KeepsOrder, Func<TOperation, int> SlotOf, Func<TOperation, int> SizeOf,
    Func<NpgsqlConnection, IGatheredStatement<TOperation, TResult>> NewStatement,
    Func<Shards.ShardPool, TOperation, CancellationToken, Task<Routing.Fenced<TResult>>> Alone);
