using System.Data;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Consistency;
using ShardRouter.Shards.Standbys;

namespace ShardRouter.Shards;

/// <summary>An open connection to a shard, and when it was made and last used. <see cref="ShardSessions"/> makes and keeps them.</summary>
/// <param name="log">Of its shard; null: nobody asks on it where the shard's log is.</param>
/// <param name="standby">To which standby it is; null: to a primary.</param>
internal sealed class ShardSession(
    ShardConnection connection, int generation, long openedAt, ShardLog? log = null, StandbyHost? standby = null)
{
    /// <summary>A session that was silent for longer is asked first whether its line still stands.</summary>
    public static readonly TimeSpan TrustedFor = TimeSpan.FromSeconds(2);

    /// <inheritdoc cref="ShardLog" />
    public ShardLog Log => log!;

    /// <summary>The standby that it is to; null: it is to the primary.</summary>
    public StandbyHost? Standby => standby;

    /// <summary>
    /// What its server last said of its place in the log. It has that still: the log of a running server only grows, and with a restart
    /// this session is over. The timeline of a primary does not change while it runs.
    /// </summary>
    public LogReading? LastReading { get; private set; }

    /// <summary>The server said on this session that it follows the shard's primary.</summary>
    public bool IsExamined { get; set; }

    public NpgsqlConnection Connection => connection.ToNpgsqlConnection();

    /// <summary>The <see cref="ShardSessions.Generation"/> in which it was made.</summary>
    public int Generation => generation;

    /// <summary>By <see cref="Environment.TickCount64"/>, in ms.</summary>
    public long OpenedAt => openedAt;

    /// <summary>By <see cref="Environment.TickCount64"/>, in ms.</summary>
    public long UsedAt { get; private set; } = Environment.TickCount64;

    /// <inheritdoc cref="ShardConnection.IsReplaced" />
    public bool IsReplaced => connection.IsReplaced;

    /// <summary>The host that it is to.</summary>
    public ShardHost Host => connection.Host;

    public bool IsOpen => connection.FullState == ConnectionState.Open;

    public bool IsTrusted => Environment.TickCount64 - UsedAt < TrustedFor.TotalMilliseconds;

    /// <summary>Its call has not ended and nobody waits for it: it is nobody's any more.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>The shard has answered on it just now.</summary>
    public void Used() => UsedAt = Environment.TickCount64;

    public void Abandon() => IsAbandoned = true;

    /// <summary>A cancellation of its statement may still come, and would meet the next one: it is not to be used again.</summary>
    public bool IsTainted { get; private set; }

    public void Taint() => IsTainted = true;

    /// <inheritdoc cref="ShardConnection.RequireConfirmed" />
    public void RequireConfirmed() => connection.RequireConfirmed();

    /// <summary>Its server has told where it is in its log.</summary>
    public LogReading Tells(LogReading reading)
    {
        LastReading = reading;
        if (standby is null)
            log?.Observe(reading);
        return reading;
    }

    /// <summary>Closes the connection. Nobody waits for that, and it does not matter whether the server hears of it.</summary>
    public async Task CloseAsync()
    {
        try
        {
            await connection.DisposeAsync();
        }
        catch (Exception e) when (e is NpgsqlException or IOException or InvalidOperationException or ObjectDisposedException)
        {
            // It is over either way. A commit that was not confirmed has been told to whoever waited for it.
        }
    }
}
