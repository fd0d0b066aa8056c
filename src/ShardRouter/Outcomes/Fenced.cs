namespace ShardRouter.Outcomes;

/// <summary>A shard's answer for one operation: a value, or the fence's refusal because the shard does not own the slot now.</summary>
internal readonly record struct Fenced<T>(T? Value, FenceRefusal? Refusal)
{
    public static Fenced<T> Answer(T value) => new(value, null);

    public static Fenced<T> Refused(FenceRefusal refusal) => new(default, refusal);
}

/// <param name="State">The slot's state in that shard; null: the slot was never there.</param>
/// <param name="Peer">For released the new owner; for importing the source.</param>
internal sealed record FenceRefusal(string? State, string? Peer, long? Epoch)
{
    public static bool Allows(string? state, bool writes) => state == "owned" || (!writes && state == "frozen");
}
