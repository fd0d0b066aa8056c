using System.CommandLine;
using System.Globalization;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class RingHistoryCommand() : AdminCommand(
    "history", "Lists the last 100 published rings: when, by whom and why",
    "shardadmin ring history", "shardadmin ring history -o ndjson | jq -r .document   # every ring of the past")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var entries = await session.Rings.HistoryAsync(cancellation);
        session.Output.WriteList(new { history = entries }, entries, console =>
        {
            var table = Tables.New(">epoch", "at (UTC)", "who", "why");
            foreach (var entry in entries)
                table.Row(
                    $"{entry.Epoch}", entry.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), entry.Who,
                    entry.Why);
            if (entries.Count == 0)
                console.WriteLine("No ring was ever published here.");
            else
                console.Write(table);
        });
        return ExitCode.Done;
    }
}
