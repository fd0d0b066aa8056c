using System.CommandLine;
using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsListCommand() : AdminCommand(
    "list", "Moves under way, left unfinished, and done, from the journals of all shards", "shardadmin ops list", "shardadmin ops list -o json | jq '.operations[] | select(.state == \"unfinished\")'")
{
    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var operations = await OperationSurvey.ReadAsync(session, ring.Shards, cancellation);
        session.Output.WriteList(new { operations }, operations, console =>
        {
            var table = Tables.New("operation", "state", ">slots", ">batches", ">copied", ">changes", ">longest pause", "started", "by", "what");
            foreach (var line in operations)
                table.Row(
                    line.Id.ToString(), line.State, $"{line.SlotsDone}/{line.Slots}", $"{line.BatchesDone}/{line.Batches}", Tables.Bytes(line.Bytes), Tables.Count(line.Changes),
                    line.MaxPauseMs?.ToString("0 ms", CultureInfo.InvariantCulture), line.StartedAt.ToString("u", CultureInfo.InvariantCulture), line.PlannedBy, line.Command);
            console.Write(table);
        });
        return ExitCode.Done;
    }
}
