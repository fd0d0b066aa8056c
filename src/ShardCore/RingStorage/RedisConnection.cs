using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The connection to Redis, which may break and come back. Opening it does not fail if no server is there, and every call has a time
/// limit.
/// </summary>
/// <remarks>
/// The client replaces broken connections, also half-open ones (the other end is gone, and no reset came). It pings an idle connection,
/// and gives it up if answers are overdue and nothing at all has come for four times the limit of a call. Subscriptions go on with the new
/// connection.
/// </remarks>
public sealed class RedisConnection : IAsyncDisposable
{
    /// <summary>The time limit of a call, for callers that can go on without Redis.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The longest time that a connection may be silent before it is given up: the client's own rule, and the second between two of its
    /// checks.
    /// </summary>
    public static readonly TimeSpan SilenceLimit = 4 * CallTimeout + TimeSpan.FromSeconds(1);

    /// <summary>The interval, in seconds, at which an idle connection is pinged.</summary>
    private const int PingSeconds = 2;

    private static readonly TimeSpan ReconnectPause = TimeSpan.FromMilliseconds(500);

    private readonly ConnectionMultiplexer _connection;
    private readonly TimeSpan _callTimeout;

    private RedisConnection(ConnectionMultiplexer connection, string endpoint, TimeSpan callTimeout) =>
        (_connection, Endpoint, _callTimeout) = (connection, endpoint, callTimeout);

    /// <summary>host:port of the first server, for messages. Never a password.</summary>
    public string Endpoint { get; }

    public IDatabase Database => _connection.GetDatabase();

    /// <param name="server">host:port, or the client's connection string with user, password and TLS.</param>
    /// <param name="patience">
    /// How long the first connection may take, and also each call if this is more than <see cref="CallTimeout"/>. Null: one second, for
    /// callers that can go on without Redis. A refused connection fails at once.
    /// </param>
    /// <exception cref="ArgumentException">The connection string cannot be read.</exception>
    public static async Task<RedisConnection> OpenAsync(string server, TimeSpan? patience = null)
    {
        var first = patience ?? TimeSpan.FromSeconds(1);
        var callTimeout = first > CallTimeout ? first : CallTimeout;
        var options = RedisAddress.Parse(server);
        options.AllowAdmin = true; // doctor asks INFO, which the client counts among the commands that may harm a server
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = (int)first.TotalMilliseconds;
        options.SyncTimeout = options.AsyncTimeout = (int)callTimeout.TotalMilliseconds;
        options.ConnectRetry = 1;
        options.KeepAlive = PingSeconds;
        options.ReconnectRetryPolicy = new LinearRetry((int)ReconnectPause.TotalMilliseconds);
        options.BacklogPolicy = BacklogPolicy.FailFast; // a caller goes on without Redis and does not wait for a connection
        return new RedisConnection(await ConnectionMultiplexer.ConnectAsync(options), RedisAddress.Describe(options), callTimeout);
    }

    /// <summary>Subscribes for good, also on connections that are made later.</summary>
    /// <exception cref="RedisException">There is no connection now. The subscription begins as soon as there is one.</exception>
    public Task SubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> handler) =>
        _connection.GetSubscriber().SubscribeAsync(channel, handler);

    /// <summary>Runs one call under its time limit.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer in time or not at all.</exception>
    public async Task<T> CallAsync<T>(Func<IDatabase, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call(Database).WaitAsync(_callTimeout, cancellation); // the client checks its own limit only once a second
        }
        catch (RedisServerException e) // loading its file, read-only, out of memory, a key of another type, …
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} answered with an error: {e.Message}", e);
        }
        catch (Exception e) when (e is TimeoutException or RedisException or ObjectDisposedException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            // The client cancels queued calls when a connection breaks.
            throw new RedisUnavailableException(
                $"Redis at {Endpoint} {(IsRefused(e) ? "refuses this user and password" : "does not answer")}: {e.Message}", e);
        }
    }

    private static bool IsRefused(Exception? error) =>
        error is not null && (error is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } || IsRefused(
            error.InnerException));

    public async ValueTask DisposeAsync()
    {
        await _connection.CloseAsync(allowCommandsToComplete: false);
        await _connection.DisposeAsync();
    }
}

/// <summary>Redis cannot be reached. The reaction: go on with what is known, try again later.</summary>
public sealed class RedisUnavailableException(string message, Exception inner) : Exception(message, inner);
