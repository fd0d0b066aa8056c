namespace Chaos.Failover;

/// <summary>One of the two servers of a shard: a Postgres under Patroni, started by <c>./dev up --ha</c>.</summary>
/// <param name="Name">s1-a, s1-b, …</param>
/// <param name="Port">The port of its Postgres.</param>
/// <param name="PatroniPort">The port of Patroni's REST interface.</param>
internal sealed record FailoverHost(string Name, int Port, int PatroniPort)
{
    public string Shard => Name[..^2];

    /// <summary>The group of its processes: see DEV_HOST_GROUPS in scripts/dev/patroni.sh.</summary>
    public int Group => Port;
}
