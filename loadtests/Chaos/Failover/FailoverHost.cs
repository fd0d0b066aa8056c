namespace LoadTests.Chaos.Failover;

/// <summary>One of the two servers of a shard: a Postgres under a Patroni, as <c>./dev up --ha</c> lays them out.</summary>
/// <param name="Name">s1-a, s1-b, …</param>
/// <param name="Port">The port of its Postgres.</param>
/// <param name="PatroniPort">The port of Patroni's REST interface.</param>
internal sealed record FailoverHost(string Name, int Port, int PatroniPort)
{
    public string Shard => Name[..^2];

    /// <summary>Its processes run with this group: see DEV_HOST_GROUPS in scripts/dev/patroni.sh.</summary>
    public int Group => Port;
}
