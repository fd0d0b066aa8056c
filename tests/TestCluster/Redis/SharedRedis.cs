namespace TestCluster;

/// <summary>
/// One server for all tests of an assembly (<c>[assembly: AssemblyFixture(typeof(SharedRedis))]</c>); each test uses a
/// cluster name of its own. Tests that stop, flush or break a server start their own.
/// </summary>
public sealed class SharedRedis : IAsyncDisposable
{
    private readonly OnceAsync<RedisServer> _server = new(() => RedisServer.StartNewAsync(persistent: false));

    public Task<RedisServer> ServerAsync() => _server.GetAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server.HasValue)
            await (await _server.GetAsync()).DisposeAsync();
    }
}
