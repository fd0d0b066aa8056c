using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Shards;

/// <summary>
/// Allows one change of the cluster's shape at a time: a session advisory lock in every shard concerned. The locks are always taken in the
/// same order. Therefore two commands that share a shard run one after the other, and never wait for each other in a circle.
/// </summary>
/// <remarks>
/// The lock keeps people's commands apart and their messages clear. Safety does not depend on it: if a server restarts, its lock is lost
/// and nobody notices. Therefore each important write is also a compare-and-set: the identity row (the first writer wins), ownership (by
/// state and epoch), the ring (by epoch).
/// </remarks>
internal sealed class AdminLock : IAsyncDisposable
{
    /// <summary>"SHAD" as a number; slots and migrations have other classes.</summary>
    public const int Class = 1_397_244_228;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly List<ShardConnection> _held = [];

    /// <exception cref="CommandFailedException">Another command held the lock for the whole waiting time.</exception>
    public static async Task<AdminLock> TakeAsync(AdminSession session, IEnumerable<Shard> shards, CancellationToken cancellation)
    {
        var held = new AdminLock();
        try
        {
            foreach (var shard in shards.OrderBy(shard => shard.Address, StringComparer.Ordinal))
                await Reach.ShardAsync(shard, () => held.TakeAsync(session, shard, cancellation));
            return held;
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _held)
        {
            try
            {
                // Explicit, because a pooled connection is reset only when it is used again.
                await connection.ExecuteAsync("select pg_advisory_unlock(@Class, 0); reset lock_timeout", new { Class });
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException) // the second: a keep-alive found it broken
            {
                // The connection is gone, and the lock with it.
            }
            await connection.DisposeAsync();
        }
        _held.Clear();
    }

    private async Task<bool> TakeAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var connection = await session.Source(shard).OpenAsync(cancellation);
        _held.Add(connection);
        try
        {
            if (await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
                "select pg_try_advisory_lock(@Class, 0)", new { Class }, cancellationToken: cancellation)))
                return true;
            session.Output.Note($"Another shardadmin is changing the cluster; waiting for it, at most {Limit.TotalSeconds:0} s.");
            await connection.ExecuteAsync(new CommandDefinition(
                $"set lock_timeout = '{(int)Limit.TotalMilliseconds}ms'; select pg_advisory_lock(@Class, 0)", new { Class },
                commandTimeout: (int)Limit.TotalSeconds + 10, cancellationToken: cancellation));
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Another shardadmin has been changing the cluster for {Limit.TotalSeconds:0} s: it holds the lock in shard {shard.Id}.",
                "wait until it is done, then the same command again");
        }
    }
}
