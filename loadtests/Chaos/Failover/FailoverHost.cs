namespace LoadTests.Chaos.Failover;

/// <summary>One of the two servers of a shard: a Postgres under a Patroni, as <c>./dev up --ha</c> lays them out.</summary>
/// <param name="Name">s1-a, s1-b, …</param>
/// <param name="Port">Of its Postgres.</param>
/// <param name="PatroniPort">Of Patroni's REST interface.</param>
internal sealed record FailoverHost(string Name, int Port, int PatroniPort)
{
    public string Shard => Name[..^2];

    /// <summary>That its processes run with: see DEV_HOST_GROUPS in scripts/dev/patroni.sh.</summary>
    public int Group => Port;
}
