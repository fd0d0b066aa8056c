using ShardCore.Ring;
using ShardRouter.Shards;

namespace ShardRouter.Routing;

/// <summary>What an operation came to after routing: a value from the shard that owns the slot, or why there is none.</summary>
/// <param name="Shard">Who answered, or failed to.</param>
internal readonly record struct Routed<T>(T? Value, ShardFailure? Failure, ShardId Shard)
{
    public static Routed<T> Answer(T value, ShardId shard) => new(value, null, shard);

    public static Routed<T> Failed(ShardFailure failure, ShardId shard) => new(default, failure, shard);
}
