using System.Globalization;
using System.Text;
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
    /// <exception cref="NpgsqlException">The server did not answer. That says nothing about rights.</exception>
    public static async Task<TimelineHistory> ReadAsync(NpgsqlDataSource shard, uint timeline, CancellationToken cancellation)
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
            return Parse(timeline, await ReadStreamedAsync(shard, timeline, cancellation));
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

    private static async Task<string> ReadFileAsync(NpgsqlDataSource shard, uint timeline, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
        var file = string.Create(CultureInfo.InvariantCulture, $"pg_wal/{timeline:X8}.history");
        await using var command = new NpgsqlCommand("select pg_read_file($1)", connection)
        {
            CommandTimeout = LimitSeconds,
            Parameters = { new NpgsqlParameter<string> { TypedValue = file } },
        };
        return await command.ReadValueAsync<string>(cancellation) ?? "";
    }

    private static async Task<string> ReadStreamedAsync(NpgsqlDataSource shard, uint timeline, CancellationToken cancellation)
    {
        var settings = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            Options = null,
            Pooling = false,
            Timeout = LimitSeconds,
            CommandTimeout = LimitSeconds,
        };
        await using var connection = new PhysicalReplicationConnection(settings.ConnectionString);
        await connection.Open(cancellation);
        return Encoding.UTF8.GetString((await connection.TimelineHistory(timeline, cancellation)).Content);
    }

    /// <summary>A right is missing, <c>pg_hba.conf</c> does not let replication in (28…), or somebody removed the file.</summary>
    private static bool IsRefused(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedFile
        || e.SqlState.StartsWith("28", StringComparison.Ordinal);
}
