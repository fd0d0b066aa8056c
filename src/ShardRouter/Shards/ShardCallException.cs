using ShardRouter.Outcomes;

namespace ShardRouter.Shards;

/// <summary>A call of a shard gave no answer that could be passed on. <see cref="Failure"/> says what may be done about it.</summary>
internal sealed class ShardCallException(ShardFailure failure, string shard, Exception? inner = null)
    : Exception($"Shard {shard}: {failure}", inner)
{
    public ShardFailure Failure { get; } = failure;

    public string Shard { get; } = shard;
}
