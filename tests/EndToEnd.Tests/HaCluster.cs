using TestCluster;

namespace EndToEnd.Tests;

/// <summary>A cluster as <c>./dev up --ha</c> starts it: each shard is two Postgres under Patroni, synchronous.</summary>
public sealed class HaCluster : DevCluster
{
    protected override IReadOnlyList<string> Options => ["--open", "--ha", "--shards", "2"];

    public async Task<ClusterStatus.Shard> ShardAsync(string id) => (await StatusAsync()).Shards.Single(shard => shard.Id == id);

    /// <summary>
    /// How long a primary may be silent before its standby takes over, and 5 s for the standby to become primary and for routers to find it. The first is
    /// the ttl in deploy/patroni.yml, which Patroni from 3.1 on raises to 20 s.
    /// </summary>
    public async Task<TimeSpan> LongestFailoverAsync()
    {
        var version = Version.Parse((await DevAsync("ha", "version")).Trim().Split(' ')[^1]);
        return TimeSpan.FromSeconds((version < new Version(3, 1) ? 5 : 20) + 5);
    }

    /// <summary>Starts what was killed, and waits until each shard has a standby that may take over.</summary>
    public Task MakeWholeAsync() => DevAsync("up", "--open", "--detach", "--no-data", "--no-build");

    protected override void RequirePrograms()
    {
        base.RequirePrograms();
        if (Environment.IsPrivilegedProcess)
            return; // ./dev installs what is missing
        RequiredProgram.Find("patroni", "patroni");
        RequiredProgram.Find("etcd", "etcd-server");
    }
}
