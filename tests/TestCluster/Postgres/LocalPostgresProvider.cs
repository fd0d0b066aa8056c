namespace TestCluster;

/// <summary>Servers as processes of this machine: one initdb a test run, then copies of it.</summary>
internal sealed class LocalPostgresProvider : PostgresProvider
{
    internal const string User = "postgres"; // when we are root: Postgres refuses to be
    private const string Package = "Postgres 15 or later (Debian: apt install postgresql)";

    private readonly OnceAsync<string> _template = new(MakeTemplateAsync);

    public override async Task<PostgresServer> StartAsync(PostgresOptions options)
    {
        var program = RequiredProgram.Find("postgres", Package);
        var folder = options.Disk?.NewPath() ?? TemporaryFolder.NewPath("postgres");
        await ChildProcess.RunAsync("cp", ["-a", await _template.GetAsync(), folder], User);
        var server = new LocalPostgresServer(program, folder, options);
        try
        {
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static async Task<string> MakeTemplateAsync()
    {
        var folder = TemporaryFolder.NewPath("template");
        await ChildProcess.RunAsync(
            RequiredProgram.Find("initdb", Package),
            ["-D", folder, "-U", PostgresServer.Superuser, "--auth=trust", "-E", "UTF8", "--locale=C", "-N"],
            User);
        return folder;
    }
}
