using System.Diagnostics;
using System.Globalization;
using LoadTests.Benches;
using LoadTests.Cluster;
using ShardCore.Collections;
using Workbench;

namespace LoadTests.References;

/// <summary>
/// The fastest way to copy the data if nobody wrote to it: a pipe from psql's binary COPY of one server to psql's COPY of the other, into a
/// table with the same columns and indexes.
/// </summary>
internal static class CopyPipe
{
    private const string Columns = "version, updated_at, expires_at, slot, collection, pk, id, doc";

    // One shell runs both sides: if one of them fails, the pipe fails.
    private const string Script = """
        set -o pipefail
        psql -X -q -h "$1" -p "$2" -U "$3" -d "$4" -v ON_ERROR_STOP=1 -c "$7" | psql -X -q -h "$5" -p "$6" -U "$3" -d "$4" -v ON_ERROR_STOP=1 -c "$8"
        """;

    /// <summary>Copies all items of one shard into a new table of the other shard, and drops this table again.</summary>
    /// <returns>How long the copy took.</returns>
    /// <exception cref="WrongAnswerException">The copy failed.</exception>
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
                    $"copy {ItemPartitions.NameOf(BenchItems.Collection)} ({Columns}) to stdout (format binary)", $"copy public.item_copy ({Columns}) from stdin (format binary)",
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
