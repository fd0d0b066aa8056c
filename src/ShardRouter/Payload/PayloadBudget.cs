namespace ShardRouter.Payload;

/// <summary>
/// How many bytes of bodies and answers this router holds at the same time, all requests together. What does not fit is refused at once
/// with 503 <c>overloaded</c>, so that slow or greedy clients cannot fill the memory that others need.
/// </summary>
internal sealed class PayloadBudget
{
    private long _most = 64L * 1024 * 1024;
    private long _taken;

    /// <summary>The one of this process: a body is read and an answer written in many places, and all count here.</summary>
    public static PayloadBudget Process { get; } = new();

    /// <summary>Bytes; SHARDING_PAYLOAD_MIB.</summary>
    public long Most
    {
        get => Volatile.Read(ref _most);
        set => Volatile.Write(ref _most, value);
    }

    public long Taken => Volatile.Read(ref _taken);

    /// <returns>False: there is no room, and nothing was taken.</returns>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= Most)
            return true;
        Interlocked.Add(ref _taken, -bytes);
        return false;
    }

    /// <summary>For an answer that must be told: it may exceed the budget.</summary>
    public void Take(long bytes) => Interlocked.Add(ref _taken, bytes);

    public void Release(long bytes) => Interlocked.Add(ref _taken, -bytes);
}
