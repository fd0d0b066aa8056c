using System.Collections.Concurrent;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The connection to Redis, which comes and goes: opening never fails for want of a server, and every call has its
/// limit. Keeps to the API that StackExchange.Redis 1.2 and 3.x share.
/// </summary>
/// <remarks>
/// A line that is broken the client makes anew by itself. Of one that is half open (the other end is gone, and no reset came) client 1.2 learns
/// only when the kernel gives up sending, a quarter of an hour later. So a call without an answer is reason to try a
/// second line, and if Redis answers there, that one is used from then on. If it does not, nothing is changed: Redis itself hangs.
///
/// The client has two sockets, one for calls and one for messages, and either may fall silent alone, or while nobody calls. So both are
/// pinged every <see cref="CheckInterval"/>, by this class and not by the client's KeepAlive: that one sends and does not miss the answer in
/// 1.2. The pings also keep firewalls from forgetting the sockets.
/// </remarks>
public sealed class RedisConnection : IAsyncDisposable
{
    /// <summary>Client 1.2 has no time limit on asynchronous calls, so every call here has one: this, for who can do without Redis.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How often a line on which nobody calls is looked at; with the limit of a call that is how long it may be silent unnoticed.</summary>
    public static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentQueue<(RedisChannel Channel, Action<RedisChannel, RedisValue> Handler)> _subscriptions = [];
    private readonly TimeSpan _patience;
    private readonly TimeSpan _callTimeout;
    private readonly Task _checking;
    private volatile ConnectionMultiplexer _connection;
    private bool _isRenewing;
    private bool _isDisposed;

    private RedisConnection(ConnectionMultiplexer connection, string endpoint, TimeSpan patience)
    {
        _connection = connection;
        _patience = patience;
        _callTimeout = CallTimeoutFor(patience);
        Endpoint = endpoint;
        _checking = Task.Run(CheckAsync);
    }

    /// <summary>host:port, for messages.</summary>
    public string Endpoint { get; }

    /// <param name="endpoint">host:port, or a StackExchange.Redis configuration string.</param>
    /// <param name="patience">How long the first connection may take, and each call if it is more than <see cref="CallTimeout"/>; null: a second, for who can do without Redis. One that is refused fails at once.</param>
    /// <exception cref="ArgumentException">The endpoint cannot be read.</exception>
    public static async Task<RedisConnection> OpenAsync(string endpoint, TimeSpan? patience = null)
    {
        var bounded = patience ?? TimeSpan.FromSeconds(1);
        return new RedisConnection(await ConnectAsync(endpoint, bounded), endpoint, bounded);
    }

    public IDatabase Database => _connection.GetDatabase();

    /// <summary>For good: also over lines that are made later.</summary>
    /// <exception cref="RedisException">Not now, but as soon as there is a line.</exception>
    public async Task SubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> handler)
    {
        _subscriptions.Enqueue((channel, handler));
        await _connection.GetSubscriber().SubscribeAsync(channel, handler);
    }

    /// <summary>Runs one call under its time limit.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer in time or not at all.</exception>
    public async Task<T> CallAsync<T>(Func<IDatabase, Task<T>> call, CancellationToken cancellation)
    {
        var connection = _connection;
        try
        {
            return await call(connection.GetDatabase()).WaitAsync(_callTimeout, cancellation);
        }
        catch (RedisServerException e) // loading its file, read-only, out of memory, a key of another type, …
        {
            throw new RedisUnavailableException($"Redis at {Endpoint} answered with an error: {e.Message}", e);
        }
        catch (Exception e) when (e is TimeoutException or RedisException or ObjectDisposedException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested)) // client 1.2 cancels what was queued when a connection breaks
        {
            if (e is TimeoutException)
                BeginRenewing(connection);
            throw new RedisUnavailableException($"Redis at {Endpoint} does not answer: {e.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        ConnectionMultiplexer last;
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true; // a line that is being made closes itself
            last = _connection;
        }
        await _closing.CancelAsync();
        await _checking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync(last);
        _closing.Dispose();
    }

    private async Task CheckAsync()
    {
        using var timer = new PeriodicTimer(CheckInterval);
        while (await timer.WaitForNextTickAsync(_closing.Token))
        {
            var connection = _connection;
            try
            {
                var calls = connection.GetDatabase().PingAsync();
                var messages = _subscriptions.IsEmpty ? Task.CompletedTask : connection.GetSubscriber().PingAsync();
                await Task.WhenAll(calls, messages).WaitAsync(_callTimeout, _closing.Token);
            }
            catch (TimeoutException)
            {
                BeginRenewing(connection);
            }
            catch (Exception e) when (e is RedisException or ObjectDisposedException || (e is OperationCanceledException && !_closing.IsCancellationRequested))
            {
                // A line that is known to be broken is made anew by the client.
            }
        }
    }

    private void BeginRenewing(ConnectionMultiplexer silent)
    {
        lock (_gate)
        {
            if (_isRenewing || _isDisposed || silent != _connection)
                return;
            _isRenewing = true;
        }
        _ = Task.Run(() => RenewAsync(silent));
    }

    /// <summary>Nobody waits for it: calls go on failing until it is done.</summary>
    private async Task RenewAsync(ConnectionMultiplexer silent)
    {
        ConnectionMultiplexer? unused = null;
        try
        {
            unused = await ConnectAsync(Endpoint, _patience);
            if (unused.IsConnected)
            {
                foreach (var (channel, handler) in _subscriptions)
                    await unused.GetSubscriber().SubscribeAsync(channel, handler).WaitAsync(_callTimeout);
                lock (_gate)
                    if (!_isDisposed)
                        (_connection, unused) = (unused, silent);
            }
        }
        catch (Exception e) when (e is RedisException or TimeoutException or OperationCanceledException)
        {
            // The next call without an answer tries again.
        }
        finally
        {
            lock (_gate)
                _isRenewing = false;
            if (unused is not null)
                await CloseAsync(unused);
        }
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(string endpoint, TimeSpan patience)
    {
        var options = ConfigurationOptions.Parse(endpoint);
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = (int)patience.TotalMilliseconds;
        options.SyncTimeout = (int)CallTimeoutFor(patience).TotalMilliseconds;
        options.ConnectRetry = 1;
        options.KeepAlive = 5;
        options.ReconnectRetryPolicy = new LinearRetry(500);
        return ConnectionMultiplexer.ConnectAsync(options);
    }

    private static TimeSpan CallTimeoutFor(TimeSpan patience) => patience > CallTimeout ? patience : CallTimeout;

    private static async Task CloseAsync(ConnectionMultiplexer connection)
    {
        await connection.CloseAsync(allowCommandsToComplete: false);
        connection.Dispose();
    }
}
