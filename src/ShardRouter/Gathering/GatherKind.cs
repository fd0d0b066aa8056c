using Npgsql;
using ShardRouter.Items;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Gathering;

/// <summary>How a kind of operation is gathered.</summary>
/// <param name="Name">For metrics: read, write.</param>
/// <param name="Writes">A lost connection then means that the outcome is unknown.</param>
/// <param name="Workers">Statements of a shard that are under way at the same time.</param>
/// <param name="KeepsOrder">Operations of one slot go through one worker, in the order in which they came.</param>
/// <param name="KeyOf">Operations on one key keep their order, also when each is carried out alone; no others wait for each other.</param>
/// <param name="SizeOf">Bytes of an operation's documents, so that a statement stays small.</param>
/// <param name="NewStatement">Prepared on a worker's connection.</param>
/// <param name="Alone">Carries one operation out by itself, with its own deadline.</param>
internal sealed record GatherKind<TOperation, TResult>(
    string Name, bool Writes, int Workers, bool KeepsOrder, Func<TOperation, ItemKey> KeyOf, Func<TOperation, int> SizeOf,
    Func<NpgsqlConnection, IGatheredStatement<TOperation, TResult>> NewStatement,
    Func<ShardPool, TOperation, CancellationToken, Task<Fenced<TResult>>> Alone);
