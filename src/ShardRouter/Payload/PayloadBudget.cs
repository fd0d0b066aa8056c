namespace ShardRouter.Payload;

/// <summary>
/// Limits how many bytes of bodies and answers this router holds at the same time, for all requests together. A request that does not fit
/// is refused at once with 503 <c>overloaded</c>. So slow or greedy clients cannot fill the memory that others need.
/// </summary>
internal sealed class PayloadBudget
{
    private long _most = 64L * 1024 * 1024;
    private long _taken;

    /// <summary>The budget of this process. Bodies are read and answers are written in many places, and all count here.</summary>
    public static PayloadBudget Process { get; } = new();

    /// <summary>The limit in bytes, from SHARDING_PAYLOAD_MIB.</summary>
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

    /// <summary>For an answer that must be given. It may exceed the budget.</summary>
    public void Take(long bytes) => Interlocked.Add(ref _taken, bytes);

    public void Release(long bytes) => Interlocked.Add(ref _taken, -bytes);
}
