using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>How operations of one kind are gathered into statements.</summary>
/// <param name="Name">The name in metrics, for instance read.</param>
/// <param name="Writes">The operations change data. After a lost connection their outcome is unknown.</param>
/// <param name="Workers">How many statements of a shard are under way at the same time.</param>
/// <param name="KeepsOrder">
/// The operations of a slot go through one worker. Those on one key keep the order in which they came, also behind operations that are
/// carried out alone.
/// </param>
/// <param name="KeyOf">The item that an operation works on. Operations on different keys do not wait for each other.</param>
/// <param name="SizeOf">The bytes of an operation's document. They keep a statement small.</param>
/// <param name="AnswerSizeOf">The bytes of an answer's document. They keep the next answer small.</param>
/// <param name="IsLeftOut">The statement's answer had no room for this one. The worker asks for it again.</param>
/// <param name="NewStatement">Makes the statement for a worker's session.</param>
/// <param name="Alone">Carries out one operation by itself, with its own deadline.</param>
internal sealed record GatherKind<TOperation, TResult>(
    string Name, bool Writes, int Workers, bool KeepsOrder, Func<TOperation, ItemKey> KeyOf,
    Func<TOperation, int> SizeOf, Func<TResult, int> AnswerSizeOf, Func<TResult, bool> IsLeftOut,
    Func<ShardSession, IGatheredStatement<TOperation, TResult>> NewStatement,
    Func<ShardPool, TOperation, CancellationToken, Task<Fenced<TResult>>> Alone)
{
    /// <summary>
    /// Whether the request wants to know the operation's place in the log
    /// (<see cref="IGatheredStatement{TOperation,TResult}.LocateAsync"/>).
    /// </summary>
    public Func<TOperation, bool> IsLocated { get; init; } = _ => false;
}
