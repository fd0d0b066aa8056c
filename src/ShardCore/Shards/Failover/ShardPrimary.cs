using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>
/// Knows which host of a shard is its primary. It asks all hosts every second, and raises an event when another host took over. A shard
/// with one host does not have this object.
/// </summary>
/// <remarks>
/// Npgsql's own list of hosts takes the first host that says it is a primary. It does not look at timelines, and it does not work for
/// replication connections. Both matter here: see <see cref="PrimaryChoice"/> and docs/adr/0021.
/// </remarks>
/// <param name="probe">Makes a data source of one host, without a pool.</param>
public sealed class ShardPrimary(ShardAddress address, Func<ShardHost, Npgsql.NpgsqlDataSource> probe, TimeProvider time)
    : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(1);

    private readonly HostProbe[] _probes = [.. address.Hosts.Select(host => new HostProbe(host, probe(host)))];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private Task<IReadOnlyList<HostView>>? _looking;
    private Task _watching = Task.CompletedTask;
    private volatile IReadOnlyList<HostView> _views = [.. address.Hosts.Select(host => HostView.Silent(host, "was not asked yet"))];
    private volatile Known _known = new(null, null);
    private volatile ShardPosition? _highest;
    private volatile ShardPosition? _expected;

    /// <summary>Raised when another host than before is the primary: connections to the former one have to be dropped.</summary>
    public event EventHandler? Moved;

    public ShardAddress Address => address;

    /// <inheritdoc cref="HostTimelines" />
    public HostTimelines Timelines { get; } = new();

    /// <summary>The present primary; null: it is not known now.</summary>
    public ShardHost? Current => _known.Now;

    /// <summary>The present primary, or the last one while none is known; null: none was ever known.</summary>
    public ShardHost? Last => _known.Last;

    /// <summary>The last answer of each host.</summary>
    public IReadOnlyList<HostView> Views => _views;

    /// <summary>
    /// The highest position that any process saw. A primary of an earlier timeline is not believed. Null: none is known, and only what
    /// this process saw counts. The position may become lower when a person has accepted a loss.
    /// </summary>
    public ShardPosition? Expected
    {
        get => _expected;
        set
        {
            if (_expected is { } before && value is not null && value.Timeline < before.Timeline)
                _highest = null; // a person has accepted that
            _expected = value;
        }
    }

    /// <summary>The highest timeline that was seen, with its system; this is the present primary's. Null: none is known.</summary>
    public ShardPosition? Seen =>
        _highest is { } own && (_expected is not { } told || told.System != own.System || own.Timeline > told.Timeline) ? own : _expected;

    /// <summary>Begins to ask every second. Without this, hosts are asked only when somebody needs a connection.</summary>
    public void Watch() => _watching = WatchAsync();

    /// <exception cref="NoPrimaryException" />
    public async Task<ShardHost> FindAsync(CancellationToken cancellation) => Current ?? await LookAsync(cancellation);

    /// <summary>Asks all hosts now.</summary>
    /// <exception cref="NoPrimaryException" />
    public async Task<ShardHost> LookAsync(CancellationToken cancellation)
    {
        Task<IReadOnlyList<HostView>> looking;
        lock (_gate)
            looking = _looking is { IsCompleted: false } ? _looking : _looking = AskAllAsync();
        var views = await looking.WaitAsync(cancellation);
        return Current ?? throw new NoPrimaryException(address, views, Seen);
    }

    /// <summary>Whether this host is known not to be the primary any more, because another host is.</summary>
    public bool IsReplaced(ShardHost host) => _known.Now is { } now && now != host;

    private async Task<IReadOnlyList<HostView>> AskAllAsync()
    {
        var answers = await Task.WhenAll(_probes.Select(each => each.AskAsync(AnswerLimit))).ConfigureAwait(
            ConfigureAwaitOptions.ForceYielding);
        HostView[] views = [.. answers.Select(Timelines.Known)];
        var before = _known;
        var chosen = PrimaryChoice.Of(views, Seen, before.Last);
        _views = views;
        if (chosen is { } host)
        {
            var view = views.First(each => each.Host == host);
            if (_highest is not { } highest || highest.System != view.System || highest.Timeline < view.Timeline)
                _highest = new ShardPosition(view.System, view.Timeline, view.Lsn ?? default);
        }
        _known = new Known(chosen, chosen ?? before.Last);
        if (chosen is not null && before.Last is { } last && last != chosen)
            Moved?.Invoke(this, EventArgs.Empty);
        return views;
    }

    private async Task WatchAsync()
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await NextAsync(timer))
            await ((Task)LookAsync(_stopping.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var each in _probes)
            await each.DisposeAsync();
        _stopping.Dispose();
    }

    private sealed record Known(ShardHost? Now, ShardHost? Last);
}
