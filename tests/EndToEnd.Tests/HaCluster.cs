using TestCluster;

namespace EndToEnd.Tests;

/// <summary>A cluster as <c>./dev up --ha</c> starts it: each shard is two Postgres under Patroni, synchronous.</summary>
public sealed class HaCluster : DevCluster
{
    protected override IReadOnlyList<string> Options => ["--ha", "--shards", "2"];

    public async Task<ClusterStatus.Shard> ShardAsync(string id) => (await StatusAsync()).Shards.Single(shard => shard.Id == id);

    /// <summary>Starts what was killed, and waits until each shard has a standby that may take over.</summary>
    public Task MakeWholeAsync() => DevAsync("up", "--detach", "--no-data", "--no-build");

    protected override void RequirePrograms()
    {
        base.RequirePrograms();
        if (Environment.IsPrivilegedProcess)
            return; // ./dev installs what is missing
        RequiredProgram.Find("patroni", "patroni");
        RequiredProgram.Find("etcd", "etcd-server");
    }
}
