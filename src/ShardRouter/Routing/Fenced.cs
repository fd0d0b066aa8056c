namespace ShardRouter.Routing;

/// <summary>A shard's answer for one operation: a value, or the fence's refusal because the slot is not (now) its own.</summary>
internal readonly record struct Fenced<T>(T? Value, FenceRefusal? Refusal)
{
    public static Fenced<T> Answer(T value) => new(value, null);

    public static Fenced<T> Refused(FenceRefusal refusal) => new(default, refusal);
}

/// <param name="State">The slot's state in that shard; null when it was never there.</param>
/// <param name="Peer">released: the new owner; importing: the source.</param>
internal sealed record FenceRefusal(string? State, string? Peer, long? Epoch)
{
    public static bool Allows(string? state, bool writes) => state == "owned" || (!writes && state == "frozen");
}
