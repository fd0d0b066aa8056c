namespace TestCluster;

/// <summary>
/// Where tests get real Postgres servers from. Two implementations: local processes, and containers (Testcontainers) when the environment
/// variable SHARDING_TEST_POSTGRES is <c>container</c>.
/// </summary>
public abstract class PostgresProvider
{
    public const string Variable = "SHARDING_TEST_POSTGRES";

    /// <summary>The major version of containers; default: the latest that is tested.</summary>
    public const string VersionVariable = "SHARDING_TEST_POSTGRES_VERSION";

    public static PostgresProvider Default { get; } = Choose();

    /// <summary>A new server, started and answering; the caller disposes of it.</summary>
    public abstract Task<PostgresServer> StartAsync(PostgresOptions options);

    public Task<PostgresServer> StartAsync() => StartAsync(new PostgresOptions());

    private static PostgresProvider Choose() =>
        string.Equals(Environment.GetEnvironmentVariable(Variable), "container", StringComparison.Ordinal)
            ? new ContainerPostgresProvider()
            : new LocalPostgresProvider();
}
