using Npgsql;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Settings;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Sessions;
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
        Owners = settings.Owner is { } owner
            ? new ShardDataSources(
                Access,
                each =>
                {
                    Configure(each);
                    each.Username = owner.User;
                },
                owner.Password)
            : Sources;
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

    /// <summary>Connections of the login that may be the schema's owner (<see cref="OwnerLogin"/>), for building indexes.</summary>
    public ShardDataSources Owners { get; }

    /// <summary>Tells what an error at this moment leaves behind. A command sets it before it changes something.</summary>
    public string LeftOff { get; set; } = "Nothing was changed.";

    /// <summary>The command that continues the work that was begun; null: the command that was typed.</summary>
    public string? CarryOn { get; set; }

    /// <summary>The user and machine that the ring history and journals name.</summary>
    public static string Who => $"{Environment.UserName}@{Environment.MachineName}";

    public static async Task<AdminSession> OpenAsync(AdminSettings settings, AdminOutput output, Failpoint failpoint)
    {
        RequireEncryption();
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
        settings.Options = SessionSettings.AdministrationBy(Who);
        // A reset would undo what SessionStart.BeginAsync set. Code that sets something for a session undoes it itself.
        settings.NoResetOnClose = true;
    }

    public ShardDatabase Source(Shard shard) => Sources.Of(shard);

    private static void RequireEncryption()
    {
        try
        {
            ShardEncryption.FromEnvironment(Environment.GetEnvironmentVariable);
        }
        catch (FormatException e)
        {
            throw new CommandFailedException(ExitCode.Usage, e.Message, "docs/operations/security.md, \"TLS\"");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Owners.DisposeAsync();
        await Sources.DisposeAsync();
        await Access.DisposeAsync();
        await _redis.DisposeAsync();
    }
}
