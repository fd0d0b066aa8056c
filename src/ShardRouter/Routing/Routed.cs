using ShardCore.Ring;
using ShardRouter.Outcomes;

namespace ShardRouter.Routing;

/// <summary>The result of an operation after routing: a value from the shard that owns the slot, or the reason why there is none.</summary>
/// <param name="Shard">The shard that answered, or failed to.</param>
internal readonly record struct Routed<T>(T? Value, ShardFailure? Failure, ShardId Shard)
{
    public static Routed<T> Answer(T value, ShardId shard) => new(value, null, shard);

    public static Routed<T> Failed(ShardFailure failure, ShardId shard) => new(default, failure, shard);
}
