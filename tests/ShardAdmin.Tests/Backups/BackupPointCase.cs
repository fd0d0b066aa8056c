using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>Tests of backup points share this: the document's path, and how a point is made, begun and looked for.</summary>
public abstract class BackupPointCase : IDisposable
{
    protected static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The path that the point's document gets, in a folder of its own.</summary>
    protected string Document { get; } = Path.Combine(Directory.CreateTempSubdirectory("backup-point-").FullName, "point.json");

    public void Dispose()
    {
        Directory.Delete(Path.GetDirectoryName(Document)!, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected Task<AdminRun> PointAsync(AdminCluster cluster, string name) =>
        cluster.RunAsync("backup", "point", name, "--out", Document);

    private protected ChildProcess Start(AdminCluster cluster, string name, string failpoint, params string[] further) =>
        AdminChild.Start(cluster, ["backup", "point", name, "--out", Document, .. further], failpoint);

    private protected static Task HeldAsync(AdminCluster cluster) => Eventually.ThatAsync(
        () => cluster.Database(1).ScalarAsync<bool>("select sharding.hand_overs_are_held()"), Limit, "hand-overs are held");

    private protected static Task<long> PointsAsync(AdminCluster cluster, string name) =>
        cluster.Database(1).ScalarAsync<long>($"select count(*) from sharding.backup_point where name = '{name}'");
}
