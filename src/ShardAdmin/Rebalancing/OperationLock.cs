using Dapper;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Tells whether a process works on an operation: a session advisory lock in each of its source shards. No safety rests on
/// it, only manners: whoever resumes ends the attempts of the one before.
/// </summary>
internal sealed class OperationLock : IAsyncDisposable
{
    /// <summary>"SHOP" as a number; slots, migrations and admin locks have other classes.</summary>
    public const int Class = 1_397_247_824;

    private readonly List<NpgsqlConnection> _held = [];

    /// <param name="takeOver">Go on although another process seems to work on it, because it hangs.</param>
    /// <exception cref="CommandFailedException">Another process works on it.</exception>
    public static async Task<OperationLock> TakeAsync(AdminSession session, Guid operation, IEnumerable<Shard> sources, bool takeOver, CancellationToken cancellation)
    {
        var held = new OperationLock();
        try
        {
            foreach (var source in sources.DistinctBy(shard => shard.Id).OrderBy(shard => shard.Id))
                if (!await Reach.ShardAsync(source, () => held.TryTakeAsync(session.Source(source), operation, cancellation)) && !takeOver)
                    throw new CommandFailedException(
                        ExitCode.Conflict, $"Another process works on operation {operation}.",
                        $"shardadmin ops show {operation}; if that process hangs: shardadmin ops resume {operation} --take-over");
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
                await connection.ExecuteAsync("select pg_advisory_unlock_all()");
            }
            catch (NpgsqlException)
            {
                // The connection is gone, and the lock with it.
            }
            await connection.DisposeAsync();
        }
        _held.Clear();
    }

    private async Task<bool> TryTakeAsync(NpgsqlDataSource source, Guid operation, CancellationToken cancellation)
    {
        var connection = await source.OpenConnectionAsync(cancellation);
        _held.Add(connection);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select pg_try_advisory_lock(@Class, hashtext(@operation))", new { Class, operation = operation.ToString() }, cancellationToken: cancellation));
    }
}
