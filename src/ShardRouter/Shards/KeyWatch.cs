using System.Net.Sockets;
using Npgsql;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Callers;
using ShardRouter.Rings;
using ShardRouter.Routing;

namespace ShardRouter.Shards;

/// <summary>
/// Reads a shard's API keys whenever they changed: once a second their digest, and the rows if it differs. So a revocation is effective
/// a second after any shard has it, and it takes no Redis.
/// </summary>
internal sealed partial class KeyWatch(Shard shard, ShardSessions sessions, KeyHolder keys, RingHolder holder, ILogger log) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>One look at a time: an older answer must not come after a newer one.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);

    private string? _digest;
    private bool _hasComplained;

    /// <summary>Looks now. A shard that cannot be asked told nothing new; the next look tries again.</summary>
    /// <returns>Whether the shard told what it knows now.</returns>
    public async Task<bool> LookAsync(CancellationToken cancellation)
    {
        if (!keys.IsWanted)
            return false;
        await _turn.WaitAsync(cancellation);
        try
        {
            var (digest, rows) = await sessions.AskAsync(session => ReadAsync(session.Connection), Limit);
            if (holder.Current is { } ring && ring.Find(shard.Id)?.Address != shard.Address)
                return false; // an address that the shard left says nothing of it
            if (rows is not null)
            {
                keys.Tell(shard.Id, rows);
                _digest = digest;
            }
            return true;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.UndefinedTable
            or PostgresErrorCodes.InsufficientPrivilege)
        {
            if (!_hasComplained)
                LogNoKeys(shard.Id.Value, e.MessageText);
            _hasComplained = true;
            return false;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested
            && e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException
                or InvalidOperationException)
        {
            return false; // the monitor's next probe tells whether the shard answers
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            // A row that nobody could have written here. The monitor must go on; what the shard told before stays true.
            if (!_hasComplained)
                LogUnreadable(e, shard.Id.Value);
            _hasComplained = true;
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <returns>No rows: they are those that were told.</returns>
    private async Task<(string Digest, IReadOnlyList<ApiKey>? Rows)> ReadAsync(NpgsqlConnection connection)
    {
        var digest = await ApiKeyStore.DigestAsync(connection, CancellationToken.None);
        // Rows that changed in between are newer than the digest, so the next look reads them once more.
        return (digest, digest == _digest ? null : await ApiKeyStore.ListAsync(connection, CancellationToken.None));
    }

    [LoggerMessage(LogLevel.Error, "The API keys of shard {Shard} cannot be read. Next: shardadmin keys list --all")]
    private partial void LogUnreadable(Exception exception, string shard);

    [LoggerMessage(LogLevel.Error, "Shard {Shard} cannot tell its API keys: {Reason}. Next: shardadmin migrate")]
    private partial void LogNoKeys(string shard, string reason);
}
