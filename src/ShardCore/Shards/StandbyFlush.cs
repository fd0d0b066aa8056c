using System.Diagnostics;
using Dapper;
using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// Waits until every standby that streams from a shard has on its disk what is durable at the shard itself. Then any of them may take
/// over, also an asynchronous one, and has all of it. A standby that does not stream is not waited for.
/// </summary>
public static class StandbyFlush
{
    /// <summary>SQL that gives the position (lsn), and the standbys that do not have it yet (behind; null: none).</summary>
    public const string NowSql = "select lsn::text as Lsn, behind as Behind from sharding.standbys_behind(null)";

    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits for all that was committed before this call.</summary>
    /// <returns>Null: all standbys have it. Otherwise the standbys that did not get there within the limit, for a message.</returns>
    public static async Task<string?> WaitAsync(ShardDatabase shard, TimeSpan limit, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await WaitAsync(connection, limit, cancellation);
    }

    /// <summary>Waits for all that was committed before this call, at the server of this connection.</summary>
    public static async Task<string?> WaitAsync(NpgsqlConnection connection, TimeSpan limit, CancellationToken cancellation)
    {
        var first = await connection.QuerySingleAsync<StandbyReading>(new CommandDefinition(NowSql, cancellationToken: cancellation));
        return await WaitAsync(connection, first, limit, cancellation);
    }

    /// <param name="first">The answer to <see cref="NowSql"/>.</param>
    public static async Task<string?> WaitAsync(
        NpgsqlConnection connection, StandbyReading first, TimeSpan limit, CancellationToken cancellation)
    {
        var (clock, pause, behind) = (Stopwatch.StartNew(), ShortestPause, first.Behind);
        while (behind is not null && clock.Elapsed < limit)
        {
            await Task.Delay(pause, cancellation);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            behind = await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
                "select behind from sharding.standbys_behind(@Lsn::pg_lsn)", new { first.Lsn }, cancellationToken: cancellation));
        }
        return behind;
    }
}

/// <param name="Lsn">The position that is durable at the shard itself.</param>
/// <param name="Behind">The streaming standbys that do not have it; null: none.</param>
public sealed record StandbyReading(string Lsn, string? Behind);
