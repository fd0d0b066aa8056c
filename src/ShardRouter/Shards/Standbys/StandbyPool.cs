namespace ShardRouter.Shards.Standbys;

/// <summary>The way to one standby: a pool of its own, so that a slow standby holds nothing that the primary needs.</summary>
/// <param name="host">Whom it leads to.</param>
/// <param name="pool">Bulkhead and circuit of this standby.</param>
/// <param name="sessions">All that the pool has, and those that cancel.</param>
internal sealed class StandbyPool(StandbyHost host, ShardPool pool, ShardSessions[] sessions) : IAsyncDisposable
{
    public ShardPool Pool => pool;

    public bool IsUsable => pool.Circuit.IsClosed && host.IsUsable;

    /// <summary>Another host is the primary: what was found out on its sessions may be over.</summary>
    public void Renew() => Array.ForEach(sessions, each => each.Renew());

    /// <summary>
    /// Every second. Its circuit opens when there is no connection to be had, and is closed again here if the host answers the looks at
    /// all hosts: no probe of its own is needed.
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
