using Xunit;

namespace TestCluster;

/// <summary>A Postgres server that takes no connection without TLS.</summary>
public static class TlsPostgres
{
    /// <param name="authority">Issues its certificate.</param>
    /// <param name="certificateHost">The host that the certificate is for; the server is on 127.0.0.1.</param>
    /// <param name="rules">Lines of pg_hba.conf before the one that lets the superuser in.</param>
    public static async Task<PostgresServer> StartAsync(TestAuthority authority, string certificateHost = "127.0.0.1", params string[] rules)
    {
        if (PostgresProvider.Default is not LocalPostgresProvider)
            Assert.Skip("Certificates are given to servers that are processes of this machine.");
        var (certificate, key) = authority.Issue("postgres", certificateHost);
        var folder = TemporaryFolder.NewPath("postgres-tls");
        await ChildProcess.RunAsync("mkdir", [folder], LocalPostgresProvider.User);
        await ChildProcess.RunAsync("install", ["-m", "600", certificate, Path.Combine(folder, "server.crt")], LocalPostgresProvider.User);
        await ChildProcess.RunAsync("install", ["-m", "600", key, Path.Combine(folder, "server.key")], LocalPostgresProvider.User);
        var access = authority.PathOf("pg_hba.conf");
        await File.WriteAllLinesAsync(access, [.. rules, $"hostssl all {PostgresServer.Superuser} all trust"]);
        return await PostgresProvider.Default.StartAsync(new PostgresOptions(
            Settings: ["ssl=on", $"ssl_cert_file={folder}/server.crt", $"ssl_key_file={folder}/server.key", $"hba_file={access}"]));
    }
}
