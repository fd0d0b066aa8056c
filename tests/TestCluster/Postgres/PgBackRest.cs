using System.Globalization;

namespace TestCluster;

/// <summary>By pgBackRest, with a repository of its own.</summary>
public sealed class PgBackRest : ServerBackup
{
    private const string Stanza = "shard";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _program;

    private PgBackRest(string program) => _program = program;

    private string Settings => Path.Combine(Folder, "pgbackrest.conf");

    public static async Task<PgBackRest> StartServerAsync()
    {
        RequireLocalServers();
        var backup = new PgBackRest(RequiredProgram.Find("pgbackrest", "pgBackRest (Debian: apt install pgbackrest)"));
        await backup.StartAsync($"{backup._program} --config={backup.Settings} --stanza={Stanza} archive-push %p");
        await backup.WriteSettingsAsync();
        await backup.CallAsync("stanza-create");
        return backup;
    }

    public override Task BackUpAsync() => CallAsync("--type=full", "backup");

    private protected override async Task FetchAsync(string folder, string point)
    {
        await RunAsync("mkdir", ["-m", "700", folder]);
        await CallAsync(
            $"--pg1-path={folder}", "--type=name", $"--target={point}", "--target-action=promote", "--archive-mode=off", "restore");
    }

    private Task WriteSettingsAsync()
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            [global]
            repo1-path={Folder}/repository
            repo1-retention-full=2
            log-path={Folder}/log
            lock-path={Folder}/lock
            spool-path={Folder}/spool
            log-level-console=warn
            log-level-file=off
            start-fast=y
            [{Stanza}]
            pg1-path={Local.Folder}
            pg1-port={Server.Port}
            pg1-user={PostgresServer.Superuser}

            """);
        return RunAsync("sh", ["-c", $"printf \"%s\" \"$1\" > {Settings}", "sh", text]);
    }

    private async Task CallAsync(params string[] arguments)
    {
        // It asks for a socket or a host by ssh; libpq takes the address from here.
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal) { ["PGHOST"] = "127.0.0.1" };
        await using var process = ChildProcess.Start(
            _program, [$"--config={Settings}", $"--stanza={Stanza}", .. arguments], LocalPostgresProvider.User, environment);
        await process.WaitForExitAsync(Limit);
        if (process.ExitCode != 0)
            throw new InvalidOperationException(
                $"pgbackrest {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{process.Output}");
    }
}
