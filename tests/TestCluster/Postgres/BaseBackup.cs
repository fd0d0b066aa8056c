using System.Globalization;

namespace TestCluster;

/// <summary>By <c>pg_basebackup</c> and a folder into which the server copies its WAL.</summary>
public sealed class BaseBackup : ServerBackup
{
    private string Base => Path.Combine(Folder, "base");

    private string Primary =>
        string.Create(CultureInfo.InvariantCulture, $"host={Server.Host} port={Server.Port} user={PostgresServer.Superuser}");

    private string Archive => Path.Combine(Folder, "wal");

    public static async Task<BaseBackup> StartServerAsync()
    {
        RequireLocalServers();
        var backup = new BaseBackup();
        await backup.StartAsync($"test ! -f {backup.Archive}/%f && cp %p {backup.Archive}/%f");
        await RunAsync("mkdir", ["-p", backup.Archive]);
        return backup;
    }

    public override Task BackUpAsync() => RunAsync(
        Path.Combine(Path.GetDirectoryName(Program)!, "pg_basebackup"),
        ["-D", Base, "-d", Primary, "--checkpoint=fast", "--no-sync"]);

    private protected override async Task FetchAsync(string folder, string point)
    {
        await RunAsync("cp", ["-a", Base, folder]);
        var settings = $"restore_command = 'cp {Archive}/%f %p'\nrecovery_target_name = '{point}'\nrecovery_target_action = promote\n";
        await RunAsync("sh", ["-c", $"printf \"%s\" \"$1\" >> {folder}/postgresql.auto.conf && touch "
            + $"{folder}/recovery.signal", "sh", settings]);
    }
}
