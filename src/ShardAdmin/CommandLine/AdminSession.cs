using Npgsql;
using ShardAdmin.Output;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.CommandLine;

/// <summary>One run of one command: its settings, its output, and the connections it opens.</summary>
internal sealed class AdminSession : IAsyncDisposable
{
    /// <summary>A shard that does not take a connection within this time is unreachable.</summary>
    private const int ConnectSeconds = 3;

    private readonly RedisConnection _redis;

    private AdminSession(AdminSettings settings, AdminOutput output, Failpoint failpoint, RedisConnection redis)
    {
        Settings = settings;
        Output = output;
        Failpoint = failpoint;
        _redis = redis;
        Sources = new ShardDataSources(Access);
        var keys = new RedisKeys(settings.Cluster);
        Rings = new RedisRingStore(redis, keys);
        Routers = new RouterRegistry(redis, keys);
        Positions = new ShardPositionStore(redis, keys);
        BackupPoints = new BackupPointStore(redis, keys);
    }

    public AdminSettings Settings { get; }

    public AdminOutput Output { get; }

    public Failpoint Failpoint { get; }

    public RedisRingStore Rings { get; }

    public RouterRegistry Routers { get; }

    public ShardPositionStore Positions { get; }

    public BackupPointStore BackupPoints { get; }

    public RedisConnection Redis => _redis;

    /// <summary>How this command connects to shards.</summary>
    public ShardAccess Access { get; } = new(Configure);

    public ShardDataSources Sources { get; }

    /// <summary>What an error at this moment leaves behind; a command that changes something says so before it does.</summary>
    public string LeftOff { get; set; } = "Nothing was changed.";

    /// <summary>The command that carries on what was begun; null: the one that was typed.</summary>
    public string? CarryOn { get; set; }

    /// <summary>Who is at work, for the ring history.</summary>
    public static string Who => $"{Environment.UserName}@{Environment.MachineName}";

    public static async Task<AdminSession> OpenAsync(AdminSettings settings, AdminOutput output, Failpoint failpoint)
    {
        var redis = await RedisConnection.OpenAsync(settings.Redis, TimeSpan.FromSeconds(ConnectSeconds)); // the machine may be busy
        return new AdminSession(settings, output, failpoint, redis);
    }

    /// <summary>How this program connects to shards.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings)
    {
        settings.ApplicationName = HungMover.ProgramName;
        settings.Timeout = ConnectSeconds;
        settings.CommandTimeout = 30;
        settings.IncludeErrorDetail = false; // a detail can hold a key
        settings.KeepAlive = 5;
        settings.Options = SessionSettings.Administration;
        settings.NoResetOnClose = true; // it would take back what SessionSettings.SetNewerAsync set; whoever sets something for a session takes it back himself
    }

    public ShardDatabase Source(Shard shard) => Sources.Of(shard);

    public async ValueTask DisposeAsync()
    {
        await Sources.DisposeAsync();
        await Access.DisposeAsync();
        await _redis.DisposeAsync();
    }
}
