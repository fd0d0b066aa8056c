using ShardCore.RingDocuments;
using ShardCore.RingStorage;
using ShardRouter.Configuration;
using ShardRouter.Telemetry;
using StackExchange.Redis;

namespace ShardRouter.Rings;

/// <summary>
/// Keeps <see cref="RingHolder"/> up to date. A pub/sub message makes it look at once, and a look every second bounds what a lost message
/// costs. A bad document is logged, counted and otherwise ignored.
/// </summary>
/// <remarks>
/// The look of every second reads the document's end, which has its checksum. It reads the whole document only if that end differs from
/// the end of the document taken last. The epoch has no key of its own in Redis: such a key would have to be right also after somebody
/// deleted the ring, restored Redis or wrote the ring by hand.
/// A document that was damaged in its middle has the end of the good one, so the look of every second does not notice the damage. After a
/// message, or a refusal by a shard, the router reads the whole document. Once a document was refused, every look reads the whole
/// document until a good one is there.
/// </remarks>
internal sealed partial class RingWatcher(
    RingHolder holder, RedisConnection redis, RingDiskCopy diskCopy, RouterMetrics metrics, RouterOptions options,
    ILogger<RingWatcher> log) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private readonly RedisKeys _keys = new(options.ClusterName);
    private readonly RedisRingStore _store = new(redis, new RedisKeys(options.ClusterName));
    private readonly SemaphoreSlim _wakeUp = new(0, 1);
    private readonly SemaphoreSlim _looking = new(1, 1);
    private readonly Lock _gate = new();
    private Task? _nextLook; // asked for and not begun yet
    private string? _takenText;
    private string? _refusedText; // null: the document read last was good
    private volatile bool _redisAnswers = true;

    /// <summary>Whether Redis answered the last look.</summary>
    public bool RedisAnswers => _redisAnswers;

    /// <summary>Takes the disk copy, then the ring in Redis. It is called once, before the first request.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        if (diskCopy.Load() is { } copy && copy.Cluster.Name == options.ClusterName)
            holder.Accept(copy);
        await LookAsync(isWhole: true, cancellation);
    }

    /// <summary>
    /// Looks into Redis now, because a shard said that this router's ring is old. Returns when a look that began after this call has
    /// ended, whatever that look found. All callers that wait for the next look share it. However many requests meet a slot that moved,
    /// at most one look is under way and one waits. So a Redis that hangs makes no queue.
    /// </summary>
    public Task RefreshAsync(CancellationToken cancellation)
    {
        lock (_gate)
            return (_nextLook ??= Task.Run(() => LookAsync(isWhole: true, CancellationToken.None, isNextLook: true), CancellationToken.None)).WaitAsync(cancellation);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await SubscribeAsync();
        while (!stoppingToken.IsCancellationRequested)
        {
            var isTold = await _wakeUp.WaitAsync(PollInterval, stoppingToken);
            await LookAsync(isTold, stoppingToken);
        }
    }

    private async Task SubscribeAsync()
    {
        try
        {
            await redis.SubscribeAsync(new RedisChannel(_keys.RingChanged, RedisChannel.PatternMode.Literal), (_, _) => WakeUp());
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogRedisSilent(e, redis.Endpoint); // polling goes on without the messages
        }
    }

    private void WakeUp()
    {
        try
        {
            _wakeUp.Release();
        }
        catch (SemaphoreFullException)
        {
            // a look is due already
        }
    }

    /// <param name="isWhole">True: the whole document is read, because somebody said that there is something new.</param>
    private async Task LookAsync(bool isWhole, CancellationToken cancellation, bool isNextLook = false)
    {
        await _looking.WaitAsync(cancellation);
        if (isNextLook)
            lock (_gate)
                _nextLook = null; // a caller from here on needs a look that begins later
        string? text = null;
        try
        {
            if (isWhole || await MayHaveNewAsync(cancellation))
                text = await ReadWholeAsync(cancellation);
            _redisAnswers = true;
            if (text is not null)
                Take(text);
        }
        catch (RedisUnavailableException e)
        {
            if (_redisAnswers) // once per outage, not once per second
                LogRedisSilent(e, redis.Endpoint);
            _redisAnswers = false;
        }
        catch (BadRingException e)
        {
            metrics.RingRefused();
            if (text != _refusedText)
                LogRefused(e.Message);
            _refusedText = text;
        }
        finally
        {
            _looking.Release();
        }
    }

    private async Task<bool> MayHaveNewAsync(CancellationToken cancellation) =>
        _takenText is null || _refusedText is not null || await _store.ReadEndAsync(cancellation) != RingDocumentCodec.EndOf(_takenText);

    private async Task<string?> ReadWholeAsync(CancellationToken cancellation)
    {
        var text = await _store.ReadTextAsync(cancellation);
        metrics.RingRead();
        return text;
    }

    private void Take(string text)
    {
        if (text == _takenText)
        {
            _refusedText = null;
            return;
        }
        var ring = RingDocumentCodec.Read(text);
        if (ring.Cluster.Name != options.ClusterName)
            throw new BadRingException($"The ring is of cluster {ring.Cluster}; this router serves '{options.ClusterName}'.");
        var isNew = holder.Accept(ring);
        (_takenText, _refusedText) = (text, null);
        if (!isNew)
            return;
        diskCopy.Save(ring);
        LogTaken(ring.Epoch.Value, ring.Shards.Length);
    }

    [LoggerMessage(LogLevel.Information, "Routing by ring epoch {Epoch} with {Shards} shards")]
    private partial void LogTaken(long epoch, int shards);

    [LoggerMessage(LogLevel.Error, "Refused the ring in Redis, the last good one stays in use: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(LogLevel.Warning, "Redis at {Endpoint} does not answer; the last good ring stays in use")]
    private partial void LogRedisSilent(Exception exception, string endpoint);

    public override void Dispose()
    {
        _wakeUp.Dispose();
        _looking.Dispose();
        base.Dispose();
    }
}
