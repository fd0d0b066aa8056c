using System.Globalization;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;

namespace ShardCore.Shards.History;

/// <summary>From which timelines a timeline comes, and where it left each: the server's history file.</summary>
/// <param name="Timeline">Whose history it is.</param>
/// <param name="Switches">The last position of each earlier timeline that this one contains; null: nobody may read the file.</param>
public sealed record TimelineHistory(uint Timeline, IReadOnlyDictionary<uint, NpgsqlLogSequenceNumber>? Switches)
{
    private const int LimitSeconds = 3;

    /// <summary>
    /// Reads it in an ordinary session, which takes a superuser or a grant; otherwise on a replication connection, which takes the right
    /// that moves take too.
    /// </summary>
    /// <param name="timeline">The server's present one.</param>
    /// <param name="earlier">The one that it must have left; of others it may say nothing.</param>
    /// <exception cref="NpgsqlException">The server did not answer. That says nothing about rights.</exception>
    public static async Task<TimelineHistory> ReadAsync(ShardDatabase shard, uint timeline, uint earlier, CancellationToken cancellation)
    {
        try
        {
            return Parse(timeline, await ReadFileAsync(shard, timeline, cancellation));
        }
        catch (PostgresException e) when (IsRefused(e))
        {
            // The other way has its own right.
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

    /// <summary>A line is: timeline, last position, reason, with tabs between them. Whatever is no such line is a comment.</summary>
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
    /// Asks for the stream of the earlier timeline from its very end on. The server refuses with the switch point as the error's detail, or
    /// without one if its own timeline does not come from that one. Npgsql 10 cannot read the answer to TIMELINE_HISTORY of Postgres 15.
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
            return new TimelineHistory(timeline, null); // the server streams what cannot be there: it has not said where its timeline began
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

    /// <summary>A right is missing, <c>pg_hba.conf</c> does not let replication in (28…), or somebody removed the file.</summary>
    private static bool IsRefused(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedFile
        || e.SqlState.StartsWith("28", StringComparison.Ordinal);
}
