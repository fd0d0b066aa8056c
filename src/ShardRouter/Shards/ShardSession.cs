using System.Data;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>
/// An open connection to a shard, with the times when it was made and last used. <see cref="ShardSessions"/> makes and keeps sessions.
/// </summary>
/// <param name="log">The log of its shard; null: nobody asks on this session where the log is.</param>
/// <param name="standby">The standby to which the session is connected; null: it is connected to a primary.</param>
internal sealed class ShardSession(
    ShardConnection connection, int generation, long openedAt, ShardLog? log = null, StandbyHost? standby = null)
{
    /// <summary>A session that was silent for longer is first asked whether its connection still works.</summary>
    public static readonly TimeSpan TrustedFor = TimeSpan.FromSeconds(2);

    /// <summary>How much memory the plans of a session may take at the server.</summary>
    internal const int MostPlansKiB = 96 * 1024;

    /// <summary>From here on, plain puts to further collections go without functions of their own.</summary>
    internal const int MostPlansForPutsKiB = 48 * 1024;

    private const int ManyTogether = 8;
    private const int PutKiB = 270; // for each collection, as measured
    private const int ManyKiB = 1300;

    private readonly HashSet<(string Collection, bool IsMany)> _used = [];
    private (string Collection, bool IsMany) _usedLast;
    private int _plansKiB;

    /// <inheritdoc cref="ShardLog" />
    public ShardLog Log => log!;

    /// <summary>The standby to which the session is connected; null: it is connected to the primary.</summary>
    public StandbyHost? Standby => standby;

    /// <summary>
    /// The place in the log that its server told last. The server still has the log up to there: the log of a running server only grows,
    /// and a restart ends this session. The timeline of a primary does not change while it runs.
    /// </summary>
    public LogReading? LastReading { get; private set; }

    /// <summary>The server said on this session that it follows the shard's primary.</summary>
    public bool IsExamined { get; set; }

    public NpgsqlConnection Connection => connection.ToNpgsqlConnection();

    /// <summary>The <see cref="ShardSessions.Generation"/> in which the session was made.</summary>
    public int Generation => generation;

    /// <summary>The time of opening by <see cref="Environment.TickCount64"/>, in ms.</summary>
    public long OpenedAt => openedAt;

    /// <summary>The time of the last use by <see cref="Environment.TickCount64"/>, in ms.</summary>
    public long UsedAt { get; private set; } = Environment.TickCount64;

    /// <inheritdoc cref="ShardConnection.IsReplaced" />
    public bool IsReplaced => connection.IsReplaced;

    /// <summary>The host to which the session is connected.</summary>
    public ShardHost Host => connection.Host;

    public bool IsOpen => connection.FullState == ConnectionState.Open;

    public bool IsTrusted => Environment.TickCount64 - UsedAt < TrustedFor.TotalMilliseconds;

    /// <summary>The session's call has not ended, and nobody waits for it. Nobody may use the session any more.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>The shard has just answered on this session.</summary>
    public void Used() => UsedAt = Environment.TickCount64;

    public void Abandon() => IsAbandoned = true;

    /// <summary>
    /// A cancellation of the session's last statement may still come, and would end the next one. So the session must not be used again.
    /// </summary>
    public bool IsTainted { get; private set; }

    public void Taint() => IsTainted = true;

    /// <inheritdoc cref="NamedStatements" />
    public NamedStatements Named { get; } = new();

    /// <inheritdoc cref="QueryStatements" />
    public QueryStatements Queries { get; } = new();

    /// <summary>
    /// The functions of the collections that the session has called take so much memory at the server that it must not be used again:
    /// Postgres keeps their plans as long as the session lasts (docs/adr/0028-a-partition-a-collection.md).
    /// </summary>
    public bool IsWorn => _plansKiB > MostPlansKiB;

    /// <summary>The session calls a function of this collection.</summary>
    /// <param name="isMany">The function for many writes; otherwise the one for a single put.</param>
    public void Uses(string collection, bool isMany)
    {
        if ((collection, isMany) == _usedLast)
            return;
        _usedLast = (collection, isMany);
        if (_used.Add(_usedLast))
            _plansKiB += Cost(isMany);
    }

    /// <summary>Whether plain puts should call the function of their collection (<see cref="Uses"/>).</summary>
    /// <param name="puts">How many go together. Where many do, the collection is used much, and its function is worth its memory.</param>
    public bool HasRoomFor(string collection, int puts)
    {
        var (isMany, most) = (puts > 1, puts < ManyTogether ? MostPlansForPutsKiB : MostPlansKiB);
        return _plansKiB + Cost(isMany) <= most || _used.Contains((collection, isMany));
    }

    private static int Cost(bool isMany) => isMany ? ManyKiB : PutKiB;

    /// <inheritdoc cref="ShardConnection.RequireConfirmed" />
    public void RequireConfirmed() => connection.RequireConfirmed();

    /// <summary>The session's server has told its place in the log.</summary>
    public LogReading Tells(LogReading reading)
    {
        LastReading = reading;
        if (standby is null)
            log?.Observe(reading);
        return reading;
    }

    /// <summary>Closes the connection. Nobody waits for that, and it does not matter whether the server notices.</summary>
    public async Task CloseAsync()
    {
        try
        {
            await connection.DisposeAsync();
        }
        catch (Exception e) when (e is NpgsqlException or IOException or InvalidOperationException or ObjectDisposedException)
        {
            // The connection is over in any case. The caller has already been told that a commit was not confirmed.
        }
    }
}
