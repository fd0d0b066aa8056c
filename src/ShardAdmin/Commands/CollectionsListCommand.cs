using System.CommandLine;
using System.Globalization;
using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class CollectionsListCommand() : AdminCommand(
    "list", "Lists every collection and whether all shards have it",
    "shardadmin collections list", "shardadmin collections list -o json | jq -r '.collections[].name'")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var lines = await CollectionSurvey.ReadAsync(session, ring.Shards, cancellation);
        session.Output.WriteList(new { collections = lines }, lines, console =>
        {
            var table = Tables.New("collection", "state", "created (UTC)", "missing in");
            foreach (var line in lines)
                table.Row(
                    line.Name, line.State, line.CreatedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                    line.MissingIn.Count == 0 ? null : string.Join(", ", line.MissingIn));
            if (lines.Count == 0)
                console.WriteLine("There is no collection yet; shardadmin collections create NAME makes one.");
            else
                console.Write(table);
        });
        return ExitCode.Done;
    }
}
