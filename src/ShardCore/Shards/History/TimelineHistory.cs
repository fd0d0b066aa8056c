using System.Globalization;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;
using ShardCore.Sessions;

namespace ShardCore.Shards.History;

/// <summary>
/// The history file of a server: the timelines from which its timeline comes, and the position where it left each of them.
/// </summary>
/// <param name="Timeline">The timeline that has this history.</param>
/// <param name="Switches">The last position of each earlier timeline that this one contains; null: our user may not read the file.</param>
public sealed record TimelineHistory(uint Timeline, IReadOnlyDictionary<uint, NpgsqlLogSequenceNumber>? Switches)
{
    private const int LimitSeconds = 3;

    /// <summary>
    /// Reads the history in an ordinary session, for which our user must be a superuser or have a grant. If that is refused, reads it on a
    /// replication connection, for which our user needs the same right as for moves.
    /// </summary>
    /// <param name="timeline">The server's present timeline.</param>
    /// <param name="earlier">The timeline that the present one must have left. The result may say nothing about other timelines.</param>
    /// <exception cref="NpgsqlException">The server did not answer. This says nothing about rights.</exception>
    public static async Task<TimelineHistory> ReadAsync(ShardDatabase shard, uint timeline, uint earlier, CancellationToken cancellation)
    {
        try
        {
            return Parse(timeline, await ReadFileAsync(shard, timeline, cancellation));
        }
        catch (PostgresException e) when (IsRefused(e))
        {
            // The other way needs another right.
        }
        try
        {
            return await ReadStreamedAsync(shard, timeline, earlier, cancellation);
        }
        catch (PostgresException e) when (IsRefused(e))
        {
            return new TimelineHistory(timeline, null);
        }
    }

    /// <summary>A line has a timeline, its last position and a reason, with tabs between them. Any other line is a comment.</summary>
    public static TimelineHistory Parse(uint timeline, string text)
    {
        var switches = new Dictionary<uint, NpgsqlLogSequenceNumber>();
        foreach (var line in text.Split('\n'))
            if (line.Split('\t') is [var number, var lsn, ..]
                && uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var earlier)
                && NpgsqlLogSequenceNumber.TryParse(lsn, out var end))
                switches[earlier] = end;
        return new TimelineHistory(timeline, switches);
    }

    private static async Task<string> ReadFileAsync(ShardDatabase shard, uint timeline, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        var file = string.Create(CultureInfo.InvariantCulture, $"pg_wal/{timeline:X8}.history");
        await using var command = new NpgsqlCommand("select pg_read_file($1)", connection)
        {
            CommandTimeout = LimitSeconds,
            Parameters = { new NpgsqlParameter<string> { TypedValue = file } },
        };
        return await command.ReadValueAsync<string>(cancellation) ?? "";
    }

    /// <summary>
    /// Asks for the stream of the earlier timeline, from its very end on. The server refuses. If its own timeline comes from that one, the
    /// detail of the error has the switch point; otherwise the error has no detail. This way is taken because Npgsql 10 cannot read the
    /// answer to TIMELINE_HISTORY of Postgres 15.
    /// </summary>
    private static async Task<TimelineHistory> ReadStreamedAsync(
        ShardDatabase shard, uint timeline, uint earlier, CancellationToken cancellation)
    {
        var settings = new NpgsqlConnectionStringBuilder((await shard.PresentAsync(cancellation)).ConnectionString)
        {
            Options = null,
            Pooling = false,
            Timeout = LimitSeconds,
            CommandTimeout = LimitSeconds,
            IncludeErrorDetail = true,
        };
        await using var connection = new PhysicalReplicationConnection(settings.ConnectionString);
        await connection.Open(cancellation);
        try
        {
            var end = new NpgsqlLogSequenceNumber(ulong.MaxValue);
            await foreach (var _ in connection.StartReplication(end, cancellation, earlier))
                break;
            // The server streams from a place that cannot exist, so it has not told where its timeline began.
            return new TimelineHistory(timeline, null);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InternalError)
        {
            var switches = new Dictionary<uint, NpgsqlLogSequenceNumber>();
            foreach (var word in e.Detail?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [])
                if (NpgsqlLogSequenceNumber.TryParse(word.TrimEnd('.', '。'), out var end))
                    switches[earlier] = end;
            return new TimelineHistory(timeline, switches);
        }
    }

    /// <summary>Whether a right is missing, <c>pg_hba.conf</c> refuses replication (28…), or somebody removed the file.</summary>
    private static bool IsRefused(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedFile
        || e.SqlState.StartsWith("28", StringComparison.Ordinal);
}
