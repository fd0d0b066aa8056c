using System.Globalization;
using Npgsql;

namespace Chaos.Failover;

/// <summary>
/// The end of each earlier timeline of a server. The shard no longer has the WAL that an old primary wrote after this end.
/// </summary>
/// <param name="Ends">The end of each timeline.</param>
internal sealed record TimelineHistory(IReadOnlyDictionary<int, long> Ends)
{
    /// <summary>Reads the history of a primary on <paramref name="timeline"/>.</summary>
    public static async Task<TimelineHistory> ReadAsync(FailoverHost primary, int timeline, CancellationToken cancellation)
    {
        await using var connection = new NpgsqlConnection(HostWatch.ConnectionTo(primary));
        await connection.OpenAsync(cancellation);
        var file = string.Create(CultureInfo.InvariantCulture, $"pg_wal/{timeline:X8}.history");
        await using var command = new NpgsqlCommand("select pg_read_file($1)", connection) { Parameters = { new NpgsqlParameter { Value = file } } };
        return Parse((string)(await command.ExecuteScalarAsync(cancellation))!);
    }

    /// <summary>Parses lines <c>timeline, position, reason</c> of Postgres.</summary>
    public static TimelineHistory Parse(string text) => new(text.Split('\n')
        .Select(line => line.Split('\t', ' '))
        .Where(fields => fields.Length >= 2 && int.TryParse(fields[0], CultureInfo.InvariantCulture, out _))
        .ToDictionary(fields => int.Parse(fields[0], CultureInfo.InvariantCulture), fields => PositionOf(fields[1])));

    private static long PositionOf(string text)
    {
        var parts = text.Split('/');
        return (long.Parse(parts[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) << 32)
            + long.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
