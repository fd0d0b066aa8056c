using ShardRouter.Items;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>How a kind of operation is gathered.</summary>
/// <param name="Name">For metrics: read, write.</param>
/// <param name="Writes">A lost connection then means that the outcome is unknown.</param>
/// <param name="Workers">Statements of a shard that are under way at the same time.</param>
/// <param name="KeepsOrder">Operations of one slot go through one worker, and those on one key in the order in which they came, also past those that are carried out alone.</param>
/// <param name="KeyOf">What an operation works on; those on different keys do not wait for each other.</param>
/// <param name="SizeOf">Bytes of an operation's documents, so that a statement stays small.</param>
/// <param name="AnswerSizeOf">Bytes of an answer's document, so that the next answer stays small.</param>
/// <param name="IsLeftOut">There was no room in the statement's answer: to be asked for again.</param>
/// <param name="NewStatement">Prepared on a worker's session.</param>
/// <param name="Alone">Carries one operation out by itself, with its own deadline.</param>
internal sealed record GatherKind<TOperation, TResult>(
    string Name, bool Writes, int Workers, bool KeepsOrder, Func<TOperation, ItemKey> KeyOf, Func<TOperation, int> SizeOf, Func<TResult, int> AnswerSizeOf,
    Func<TResult, bool> IsLeftOut,
    Func<ShardSession, IGatheredStatement<TOperation, TResult>> NewStatement,
    Func<ShardPool, TOperation, CancellationToken, Task<Fenced<TResult>>> Alone)
{
    /// <summary>
    /// Whether the request wants to know where in the log its operation is (<see cref="IGatheredStatement{TOperation,TResult}.LocateAsync"/>).
    /// </summary>
    public Func<TOperation, bool> IsLocated { get; init; } = _ => false;
}
