namespace TestCluster;

/// <summary>
/// One server for all tests of an assembly (<c>[assembly: AssemblyFixture(typeof(SharedPostgres))]</c>), each with its
/// own database. Starts with the first test that asks, so a missing program skips only the tests that need it.
/// Tests that stop or break a server start their own with <see cref="PostgresProvider"/>.
/// </summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private readonly OnceAsync<PostgresServer> _server = new(PostgresProvider.Default.StartAsync);

    public Task<PostgresServer> ServerAsync() => _server.GetAsync();

    /// <summary>A new, empty database.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync() => await (await ServerAsync()).CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server.HasValue)
            await (await _server.GetAsync()).DisposeAsync();
    }
}
