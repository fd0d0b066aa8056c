using System.Diagnostics;
using System.Globalization;
using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.References;

/// <summary>
/// What the data could be carried over with if nobody wrote to it: psql's COPY of one server into psql's COPY of the
/// other, binary, into a table with the same columns and indexes.
/// </summary>
internal static class CopyPipe
{
    private const string Columns = "version, updated_at, expires_at, slot, collection, pk, id, doc";

    // In one process group's worth of shell: a failure of either side is a failure of the pipe.
    private const string Script = """
        set -o pipefail
        psql -X -q -h "$1" -p "$2" -U "$3" -d "$4" -v ON_ERROR_STOP=1 -c "$7" | psql -X -q -h "$5" -p "$6" -U "$3" -d "$4" -v ON_ERROR_STOP=1 -c "$8"
        """;

    /// <summary>Copies all items of one shard into a new table in the other, and drops that again.</summary>
    /// <returns>How long the copy took.</returns>
    /// <exception cref="WrongAnswerException">It failed.</exception>
    public static async Task<TimeSpan> RunAsync(ShardServer from, ShardServer to, CancellationToken cancellation)
    {
        await MovedRows.ListAsync<int>(to, "drop table if exists public.item_copy; create table public.item_copy (like sharding.item including all) with (fillfactor = 90)", cancellation);
        try
        {
            var began = Stopwatch.GetTimestamp();
            await OtherProgram.RunAsync(
                "bash",
                [
                    "-c", Script, "pipe", from.Host, Text(from.Port), ShardServer.User, from.Database, to.Host, Text(to.Port),
                    $"copy sharding.item ({Columns}) to stdout (format binary)", $"copy public.item_copy ({Columns}) from stdin (format binary)",
                ],
                null, cancellation);
            return Stopwatch.GetElapsedTime(began);
        }
        finally
        {
            await MovedRows.ListAsync<int>(to, "drop table public.item_copy", CancellationToken.None);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
