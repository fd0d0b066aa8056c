using System.Net.Sockets;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;

namespace ShardAdmin.Auditing;

/// <summary>Writes begin and end of a command into the audit log of every shard that takes it (<c>sharding.audit</c>).</summary>
/// <remarks>
/// What a command changes in the shards writes entries of its own there, in the same transaction. So a command is not kept from its work by a
/// shard that does not answer, nor by one whose schema has no log yet: it may be the command that mends it.
/// </remarks>
internal sealed class AuditLog(AdminSession session, string what)
{
    /// <summary>How long all shards together may take. A command that is urgent does not wait longer for a dead shard.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly Guid _run = Guid.NewGuid();

    /// <summary>Set when Redis did not answer; the end of the command does not wait for it once more.</summary>
    private bool _isRedisAway;

    public Task BeginAsync() => WriteAsync(result: null);

    /// <param name="result"><c>ok</c>, or why it failed.</param>
    public Task EndAsync(string result) => WriteAsync(result);

    private async Task WriteAsync(string? result)
    {
        if (_isRedisAway)
            return;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            if (await session.Rings.ReadAsync(limit.Token) is { } ring)
                await Task.WhenAll(ring.Shards.Select(shard => WriteAsync(shard, result, limit.Token)));
        }
        catch (Exception e) when (e is RedisUnavailableException or BadRingException or OperationCanceledException)
        {
            _isRedisAway = e is not BadRingException; // without a ring nobody knows the shards
        }
    }

    private async Task WriteAsync(Shard shard, string? result, CancellationToken limit)
    {
        try
        {
            await using var connection = await session.Source(shard).OpenAsync(limit);
            await connection.ExecuteAsync(new CommandDefinition(
                "select sharding.audit_add(@run, @who, @what, @result)", new { run = _run, who = AdminSession.Who, what, result },
                cancellationToken: limit));
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException or OperationCanceledException)
        {
            // The command itself tells what is wrong with the shard.
        }
    }
}
