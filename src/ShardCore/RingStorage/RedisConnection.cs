using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The connection to Redis, which comes and goes: opening never fails for want of a server, and every call has its limit.
/// </summary>
/// <remarks>
/// The client makes broken lines anew, also half open ones (the other end is gone, and no reset came): it pings a line that is idle, and gives
/// it up when answers are overdue and nothing at all has come for four times the limit of a call. Subscriptions go with it to the new line.
/// </remarks>
public sealed class RedisConnection : IAsyncDisposable
{
    /// <summary>The limit of a call, for who can do without Redis.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long a line may be silent before it is given up, at most: the client's own rule, and the second between two looks of it.</summary>
    public static readonly TimeSpan SilenceLimit = 4 * CallTimeout + TimeSpan.FromSeconds(1);

    /// <summary>How often a line on which nobody calls is pinged, in seconds.</summary>
    private const int PingSeconds = 2;

    private static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(500);

    private readonly ConnectionMultiplexer _connection;
    private readonly TimeSpan _callTimeout;

    private RedisConnection(ConnectionMultiplexer connection, string endpoint, TimeSpan callTimeout) =>
        (_connection, Endpoint, _callTimeout) = (connection, endpoint, callTimeout);

    /// <summary>host:port of the first server, for messages. Never a password.</summary>
    public string Endpoint { get; }

    public IDatabase Database => _connection.GetDatabase();

    /// <param name="server">host:port, or the client's connection string, with user, password and TLS.</param>
    /// <param name="patience">How long the first connection may take, and each call if it is more than <see cref="CallTimeout"/>; null: a second, for who can do without Redis. One that is refused fails at once.</param>
    /// <exception cref="ArgumentException">It cannot be read.</exception>
    public static async Task<RedisConnection> OpenAsync(string server, TimeSpan? patience = null)
    {
        var first = patience ?? TimeSpan.FromSeconds(1);
        var callTimeout = first > CallTimeout ? first : CallTimeout;
        var options = RedisAddress.Parse(server);
        options.AllowAdmin = true; // the client counts INFO, which doctor asks, among what may break a server
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = (int)first.TotalMilliseconds;
        options.SyncTimeout = options.AsyncTimeout = (int)callTimeout.TotalMilliseconds;
        options.ConnectRetry = 1;
        options.KeepAlive = PingSeconds;
        options.ReconnectRetryPolicy = new LinearRetry((int)ReconnectPause.TotalMilliseconds);
        options.BacklogPolicy = BacklogPolicy.FailFast; // a caller goes on without Redis rather than wait for a line
        return new RedisConnection(await ConnectionMultiplexer.ConnectAsync(options), RedisAddress.Describe(options), callTimeout);
    }

    /// <summary>For good: also over lines that are made later.</summary>
    /// <exception cref="RedisException">Not now, but as soon as there is a line.</exception>
    public Task SubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> handler) =>
        _connection.GetSubscriber().SubscribeAsync(channel, handler);

    /// <summary>Runs one call under its time limit.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer in time or not at all.</exception>
    public async Task<T> CallAsync<T>(Func<IDatabase, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call(Database).WaitAsync(_callTimeout, cancellation); // the client looks at its own limit once a second only
        }
        catch (RedisServerException e) // loading its file, read-only, out of memory, a key of another type, …
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} answered with an error: {e.Message}", e);
        }
        catch (Exception e) when (e is TimeoutException or RedisException or ObjectDisposedException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested)) // what was queued when a line broke is cancelled
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} {(IsRefused(e) ? "refuses this user and password" : "does not answer")}: {e.Message}", e);
        }
    }

    private static bool IsRefused(Exception? error) =>
        error is not null && (error is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } || IsRefused(error.InnerException));

    public async ValueTask DisposeAsync()
    {
        await _connection.CloseAsync(allowCommandsToComplete: false);
        await _connection.DisposeAsync();
    }
}
