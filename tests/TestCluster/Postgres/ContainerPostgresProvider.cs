using System.Globalization;
using Docker.DotNet.Models;
using Testcontainers.PostgreSql;
using Xunit;

namespace TestCluster;

/// <summary>
/// Servers in containers, by Testcontainers. The host port is ours and fixed, because a mapped one would change over a
/// restart. An init process is process 1 of the container, so that the postmaster is an ordinary process in it and can
/// be killed from inside like one.
/// </summary>
internal sealed class ContainerPostgresProvider : PostgresProvider
{
    private const string LatestVersion = "18";

    private static string Image => "postgres:" + (Environment.GetEnvironmentVariable(VersionVariable) is { Length: > 0 } version ? version : LatestVersion);

    public override async Task<PostgresServer> StartAsync(PostgresOptions options)
    {
        if (options.Disk is not null)
            Assert.Skip("A container has its data folder on a disk of its own, which cannot be filled up.");
        var port = FreePort.Next();
        var container = new PostgreSqlBuilder(Image)
            .WithUsername(PostgresServer.Superuser)
            .WithPassword(PostgresServer.Superuser)
            .WithEnvironment("POSTGRES_HOST_AUTH_METHOD", "trust")
            .WithEnvironment(PostgresOptions.Environment.ToDictionary(each => each.Key, each => each.Value!, StringComparer.Ordinal))
            .WithPortBinding(port.ToString(CultureInfo.InvariantCulture), "5432")
            .WithCreateParameterModifier(parameters => (parameters.HostConfig ??= new HostConfig()).Init = true)
            .WithCommand(options.Arguments.ToArray())
            .Build();
        var server = new ContainerPostgresServer(container, port);
        await server.StartAsync();
        return server;
    }
}
