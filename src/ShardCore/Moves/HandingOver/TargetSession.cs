using Npgsql;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Sessions;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// One session at the target. It is opened before the attempt brings anything there, and used at the hand-over: it makes everything
/// durable, and seals it.
/// </summary>
/// <remarks>
/// Copy and changes are committed without waiting for the disk. A later commit in the same server that does wait comes behind them in the
/// WAL. So once it is on disk, they are on disk too.
/// That is not enough if the server crashed in between and lost some of them, because other connections may have been opened again without
/// anybody noticing. This session cannot be opened again: a crash of the server ends it. Then <see cref="SealAsync"/> fails, and the
/// attempt with it, before the release. So a target that has the seal has all the rows, and so has every standby and every restored copy
/// of the target that has the seal.
/// </remarks>
internal sealed class TargetSession : IAsyncDisposable
{
    private readonly AttemptSession _session;

    private TargetSession(AttemptSession session) => _session = session;

    private NpgsqlConnection Connection => _session.Connection;

    public static async Task<TargetSession> OpenAsync(AttemptSessions target, CancellationToken cancellation) =>
        new(await target.OpenAsync(cancellation));

    /// <summary>
    /// After this call everything that was committed before it survives a crash of the target, and the rows are marked as complete. It is
    /// one round trip, because writers wait for it.
    /// </summary>
    /// <returns>
    /// Null: every standby that streams from the target has it too. Otherwise the standbys that did not get there within the limit.
    /// </returns>
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
