using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Tells whether a process works on an operation: a session advisory lock in each of its source shards. No safety rests on
/// it, only manners: whoever resumes ends the attempts of the one before.
/// </summary>
internal sealed class OperationLock(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources) : IAsyncDisposable
{
    /// <summary>A connection that was ended takes a moment to give its lock back.</summary>
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly List<ShardConnection> _held = [];
    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>Who has it: tells this holder from every other in the journals.</summary>
    public string Mover { get; } = NewMover();

    /// <exception cref="CommandFailedException">Another process works on it.</exception>
    public static async Task<OperationLock> TakeAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation) =>
        await TryTakeAsync(session, operation, sources, TimeSpan.Zero, cancellation) ?? throw Busy(operation);

    /// <summary>From a process that hangs: its connections are ended first.</summary>
    /// <exception cref="CommandFailedException">Yet another process was faster.</exception>
    public static async Task<OperationLock> TakeOverAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken cancellation)
    {
        foreach (var source in sources)
            await Reach.ShardAsync(source, () => HungMover.EndAsync(session.Source(source), operation, NewMover(), cancellation));
        return await TryTakeAsync(session, operation, sources, ReleaseLimit, cancellation) ?? throw Busy(operation);
    }

    /// <returns>Null: another process has it, all the time.</returns>
    public static async Task<OperationLock?> TryTakeAsync(AdminSession session, Guid operation, IReadOnlyCollection<Shard> sources, TimeSpan wait, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var held = new OperationLock(session, operation, sources);
            try
            {
                if (await held.TryTakeAllAsync(cancellation))
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

    /// <summary>A server that restarted has forgotten the lock: it is taken again, unless somebody was faster.</summary>
    /// <returns>False: another process has it.</returns>
    public async Task<bool> EnsureAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            if (await AllAnswerAsync(cancellation))
                return true;
            await ReleaseAsync();
            return await TryTakeAgainAsync(cancellation);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        _gate.Dispose();
    }

    /// <summary>
    /// All or nothing: a part of them would be taken for all the next time. A server that ends a session tells so before it gives the
    /// session's locks back, so at
    /// first the one who holds the lock may be ourselves.
    /// </summary>
    private async Task<bool> TryTakeAgainAsync(CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
        {
            var taken = false;
            try
            {
                taken = await TryTakeAllAsync(cancellation);
                if (taken || clock.Elapsed >= ReleaseLimit)
                    return taken;
            }
            finally
            {
                if (!taken)
                    await ReleaseAsync();
            }
        }
    }

    private async Task<bool> AllAnswerAsync(CancellationToken cancellation)
    {
        if (_held.Count == 0)
            return false;
        try
        {
            foreach (var connection in _held)
                await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select true", cancellationToken: cancellation));
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            return false;
        }
    }

    private async Task ReleaseAsync()
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

    private async Task<bool> TryTakeAllAsync(CancellationToken cancellation)
    {
        foreach (var source in sources.DistinctBy(shard => shard.Id).OrderBy(shard => shard.Id))
            if (!await Reach.ShardAsync(source, () => TryTakeAsync(session.Source(source), cancellation)))
                return false;
        return true;
    }

    private async Task<bool> TryTakeAsync(ShardDatabase source, CancellationToken cancellation)
    {
        var connection = await source.OpenAsync(cancellation);
        _held.Add(connection);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select pg_try_advisory_lock(@Class, hashtext(@operation))", new { OperationLockKey.Class, operation = operation.ToString() }, cancellationToken: cancellation));
    }

    private static string NewMover() => $"{AdminSession.Who} pid {Environment.ProcessId} {Guid.NewGuid():N}";

    private static CommandFailedException Busy(Guid operation) => new(
        ExitCode.Conflict, $"Another process works on operation {operation}.", $"shardadmin ops watch {operation}; if that process hangs: shardadmin ops resume {operation} --take-over");
}
