using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Tells whether a process works on an operation: a session advisory lock in each of its source shards. No safety rests on
/// it, only manners: whoever resumes ends the attempts of the one before.
/// </summary>
internal sealed class OperationLock : IAsyncDisposable
{
    /// <summary>A connection that was ended takes a moment to give its lock back.</summary>
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly List<NpgsqlConnection> _held = [];

    /// <exception cref="CommandFailedException">Another process works on it.</exception>
    public static async Task<OperationLock> TakeAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation) =>
        await TryTakeAsync(session, operation, sources, TimeSpan.Zero, cancellation) ?? throw Busy(operation);

    /// <summary>From a process that hangs: its connections are ended first.</summary>
    /// <exception cref="CommandFailedException">Yet another process was faster.</exception>
    public static async Task<OperationLock> TakeOverAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation)
    {
        foreach (var source in sources)
            await Reach.ShardAsync(source, () => HungMover.EndAsync(session.Source(source), operation, cancellation));
        return await TryTakeAsync(session, operation, sources, ReleaseLimit, cancellation) ?? throw Busy(operation);
    }

    /// <returns>Null: another process has it, all the time.</returns>
    public static async Task<OperationLock?> TryTakeAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, TimeSpan wait, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var held = new OperationLock();
            try
            {
                if (await held.TryTakeAllAsync(session, operation, sources, cancellation))
                    return held;
            }
            catch
            {
                await held.DisposeAsync();
                throw;
            }
            await held.DisposeAsync(); // all or none: two that have a half each would wait for ever
            if (clock.Elapsed >= wait)
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _held)
        {
            try
            {
                await connection.ExecuteAsync("select pg_advisory_unlock_all()");
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
            {
                // The connection is gone, and the lock with it.
            }
            await connection.DisposeAsync();
        }
        _held.Clear();
    }

    private async Task<bool> TryTakeAllAsync(AdminSession session, Guid operation, IEnumerable<Shard> sources, CancellationToken cancellation)
    {
        foreach (var source in sources.DistinctBy(shard => shard.Id).OrderBy(shard => shard.Id))
            if (!await Reach.ShardAsync(source, () => TryTakeAsync(session.Source(source), operation, cancellation)))
                return false;
        return true;
    }

    private async Task<bool> TryTakeAsync(NpgsqlDataSource source, Guid operation, CancellationToken cancellation)
    {
        var connection = await source.OpenConnectionAsync(cancellation);
        _held.Add(connection);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select pg_try_advisory_lock(@Class, hashtext(@operation))", new { OperationLockKey.Class, operation = operation.ToString() }, cancellationToken: cancellation));
    }

    private static CommandFailedException Busy(Guid operation) => new(
        ExitCode.Conflict, $"Another process works on operation {operation}.", $"shardadmin ops watch {operation}; if that process hangs: shardadmin ops resume {operation} --take-over");
}
