namespace TestCluster;

/// <summary>
/// Where tests get real Postgres servers from. Two implementations: local processes, and Testcontainers in builds that
/// have the package (FullFeed) when the environment variable SHARDING_TEST_POSTGRES is <c>container</c>.
/// </summary>
public abstract class PostgresProvider
{
    public const string Variable = "SHARDING_TEST_POSTGRES";

    public static PostgresProvider Default { get; } = Choose();

    /// <summary>A new server, started and answering; the caller disposes of it.</summary>
    public abstract Task<PostgresServer> StartAsync(PostgresOptions options);

    public Task<PostgresServer> StartAsync() => StartAsync(new PostgresOptions());

#pragma warning disable CA1859 // the return type is the seam
    private static PostgresProvider Choose() =>
        !string.Equals(Environment.GetEnvironmentVariable(Variable), "container", StringComparison.Ordinal)
            ? new LocalPostgresProvider()
#if FULL_FEED
            : new ContainerPostgresProvider();
#else
            : throw new InvalidOperationException($"{Variable}=container needs a build with -p:FullFeed=true (Testcontainers).");
#endif
#pragma warning restore CA1859
}
