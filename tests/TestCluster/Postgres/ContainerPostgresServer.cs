using Testcontainers.PostgreSql;

namespace TestCluster;

internal sealed class ContainerPostgresServer(PostgreSqlContainer container, int port) : PostgresServer("127.0.0.1", port)
{
    public override async Task StartAsync()
    {
        await container.StartAsync();
        await Eventually.ThatAsync(AnswersAsync, StartLimit, $"Postgres answers on {Host}:{Port}");
    }

    public override Task StopAsync(PostgresShutdown how) => EndAsync(how == PostgresShutdown.Fast ? "INT" : "QUIT");

    public override Task KillAsync() => EndAsync("KILL");

    public override Task PauseAsync(PostgresProcesses which) =>
        which == PostgresProcesses.All ? container.PauseAsync() : SkipAsync<int>("Stopping some of a server's processes");

    public override Task ResumeAsync() => container.UnpauseAsync();

    protected override async Task ReleaseAsync() => await container.DisposeAsync();

    /// <summary>The container ends with the postmaster; StopAsync then only brings our handle up to date.</summary>
    private async Task EndAsync(string signal)
    {
        await container.ExecAsync(["sh", "-c", $"kill -{signal} $(head -n 1 \"$PGDATA/postmaster.pid\")"]);
        await Eventually.ThatAsync(
            async () => await container.GetExitCodeAsync() >= 0, TimeSpan.FromSeconds(30), $"Postgres on port {Port} ends after SIG{signal}");
        await container.StopAsync();
    }
}
