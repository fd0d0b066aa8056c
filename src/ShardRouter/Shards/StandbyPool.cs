namespace ShardRouter.Shards;

/// <summary>The way to one standby. It is a pool of its own, so a slow standby holds nothing that the primary needs.</summary>
/// <param name="host">The standby to which the pool leads.</param>
/// <param name="pool">Bulkhead and circuit of this standby.</param>
/// <param name="sessions">All sessions of the pool, and those that cancel.</param>
internal sealed class StandbyPool(StandbyHost host, ShardPool pool, ShardSessions[] sessions, TimeProvider time) : IAsyncDisposable
{
    /// <summary>A standby that was late is not read for this long: each read of it would wait for the whole limit first.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    private long _restsUntil; // a timestamp of the time provider; 0: it does not rest

    public ShardPool Pool => pool;

    public bool IsUsable => pool.Circuit.IsClosed && time.GetTimestamp() >= Interlocked.Read(ref _restsUntil) && host.IsUsable;

    /// <summary>It did not answer a read in time. Its host may still answer the looks at all hosts, so those do not show it.</summary>
    public void WasLate() => Interlocked.Exchange(ref _restsUntil, time.GetTimestamp() + (long)(Rest.TotalSeconds * time.TimestampFrequency));

    /// <summary>Another host is the primary. What was found out on these sessions may no longer hold.</summary>
    public void Renew() => Array.ForEach(sessions, each => each.Renew());

    /// <summary>
    /// Called every second. The circuit opens when no connection can be made. It is closed again here if the host answers the looks at
    /// all hosts, so no probe of its own is needed.
    /// </summary>
    public void Attend()
    {
        Array.ForEach(sessions, each => each.Trim());
        if (pool.Circuit.IsClosed || !host.IsUsable)
            return;
        Renew();
        pool.Circuit.Close();
    }

    public async ValueTask DisposeAsync()
    {
        await pool.DisposeAsync();
        foreach (var each in sessions)
            await each.DisposeAsync();
    }
}
