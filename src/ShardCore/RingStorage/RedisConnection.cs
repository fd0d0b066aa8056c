using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The connection to Redis, which comes and goes: opening never fails for want of a server, and every call has its
/// limit. Keeps to the API that StackExchange.Redis 1.2 and 3.x share.
/// </summary>
public sealed class RedisConnection : IAsyncDisposable
{
    /// <summary>Client 1.2 has no time limit on asynchronous calls, so every call here has one: this, for who can do without Redis.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    private readonly ConnectionMultiplexer _connection;
    private readonly TimeSpan _callTimeout;

    private RedisConnection(ConnectionMultiplexer connection, string endpoint, TimeSpan callTimeout)
    {
        _connection = connection;
        _callTimeout = callTimeout;
        Endpoint = endpoint;
    }

    /// <summary>host:port, for messages.</summary>
    public string Endpoint { get; }

    /// <param name="endpoint">host:port, or a StackExchange.Redis configuration string.</param>
    /// <param name="patience">How long the first connection may take, and each call if it is more than <see cref="CallTimeout"/>; null: a second, for who can do without Redis. One that is refused fails at once.</param>
    /// <exception cref="ArgumentException">The endpoint cannot be read.</exception>
    public static async Task<RedisConnection> OpenAsync(string endpoint, TimeSpan? patience = null)
    {
        var callTimeout = patience > CallTimeout ? patience.Value : CallTimeout;
        var options = ConfigurationOptions.Parse(endpoint);
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = (int)(patience ?? TimeSpan.FromSeconds(1)).TotalMilliseconds;
        options.SyncTimeout = (int)callTimeout.TotalMilliseconds;
        options.ConnectRetry = 1;
        options.KeepAlive = 5;
        options.ReconnectRetryPolicy = new LinearRetry(500);
        return new RedisConnection(await ConnectionMultiplexer.ConnectAsync(options), endpoint, callTimeout);
    }

    public IDatabase Database => _connection.GetDatabase();

    public ISubscriber Subscriber => _connection.GetSubscriber();

    /// <summary>Runs one call under its time limit.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer in time or not at all.</exception>
    public async Task<T> CallAsync<T>(Func<IDatabase, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call(Database).WaitAsync(_callTimeout, cancellation);
        }
        catch (RedisServerException e) // loading its file, read-only, out of memory, a key of another type, …
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} answered with an error: {e.Message}", e);
        }
        catch (Exception e) when (e is TimeoutException or RedisException or ObjectDisposedException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested)) // client 1.2 cancels what was queued when a connection breaks
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} does not answer: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.CloseAsync(allowCommandsToComplete: false);
        _connection.Dispose();
    }
}
