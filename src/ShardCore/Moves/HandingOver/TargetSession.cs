using Npgsql;
using ShardCore.Moves.Importing;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// One session at the target, opened before the attempt brings anything there and used at the hand-over: it makes all of it durable,
/// and seals it.
/// </summary>
/// <remarks>
/// Copy and changes are committed without waiting for the disk. A commit that does wait, in the same server, comes behind them in the
/// WAL, so once it is on disk they are.
/// That is no help when the server crashed in between and lost some: other connections may be made anew without anybody noticing. This
/// one cannot: a server that crashed
/// has ended it, and then <see cref="SealAsync"/> fails, and with it the attempt, before the release. So
/// a target that has the seal has
/// all the rows, and so has every standby and every restored copy of it that has the seal.
/// </remarks>
internal sealed class TargetSession : IAsyncDisposable
{
    private readonly AttemptSession _session;

    private TargetSession(AttemptSession session) => _session = session;

    private NpgsqlConnection Connection => _session.Connection;

    public static async Task<TargetSession> OpenAsync(AttemptSessions target, CancellationToken cancellation) => new(await target.OpenAsync(cancellation));

    /// <summary>
    /// After this everything that was committed before it survives a crash of the target, and the rows are marked as complete. In one
    /// flight, as writers wait for it.
    /// </summary>
    /// <returns>Null: every standby that streams from the target has it too. Otherwise those that did not get there within the
    /// limit.</returns>
    /// <exception cref="Failures.AttemptOverException" />
    public async Task<string?> SealAsync(MoveImport import, byte[] seal, TimeSpan standbyLimit, CancellationToken cancellation)
    {
        _session.IsInTransaction = true; // also when it fails
        var reading = await import.SealAsync(Connection, seal, cancellation);
        _session.IsInTransaction = false;
        _session.RequireConfirmed();
        return await StandbyFlush.WaitAsync(Connection, reading, standbyLimit, cancellation);
    }

    public ValueTask DisposeAsync() => _session.DisposeAsync();
}
