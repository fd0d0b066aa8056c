using System.CommandLine;
using System.Globalization;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsListCommand : AdminCommand
{
    private readonly Option<int> _limit = new("--limit")
    {
        Description = "How many finished or cancelled operations to list, the newest first, "
            + $"1…{OperationSurvey.MaxLimit}. Unfinished ones are always listed",
        HelpName = "COUNT",
        DefaultValueFactory = _ => OperationSurvey.DefaultLimit,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count is >= 1 and <= OperationSurvey.MaxLimit)
                return count;
            result.AddError($"--limit is a whole number of 1…{OperationSurvey.MaxLimit}.");
            return OperationSurvey.DefaultLimit;
        },
    };

    public OpsListCommand()
        : base("list", "Lists running, interrupted and finished operations, from the journals of all shards", "shardadmin ops list",
            "shardadmin ops list --limit 500",
            "shardadmin ops list -o json | jq '.operations[] | select(.state == \"unfinished\")'")
    {
        Options.Add(_limit);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var limit = parse.GetValue(_limit);
        var (operations, hasOlder) = await OperationSurvey.ReadAsync(session, ring.Shards, limit, cancellation);
        session.Output.WriteList(new { operations, hasOlder }, operations, console => Render(console, operations));
        if (hasOlder)
            session.Output.Note($"Older ones are not listed: --limit {Math.Min(limit * 10, OperationSurvey.MaxLimit)}");
        return ExitCode.Done;
    }

    private static void Render(IAnsiConsole console, IReadOnlyList<OperationLine> operations)
    {
        var table = Tables.New(
            "operation", "state", ">slots", ">batches", ">copied", ">changes", ">longest pause", "started", "by", "command");
        foreach (var line in operations)
            table.Row(
                line.Id.ToString(), line.State, $"{line.SlotsDone}/{line.Slots}", $"{line.BatchesDone}/{line.Batches}",
                Tables.Bytes(line.Bytes), Tables.Count(line.Changes), line.MaxPauseMs?.ToString("0 ms", CultureInfo.InvariantCulture),
                line.StartedAt.ToString("u", CultureInfo.InvariantCulture), line.PlannedBy, line.Command);
        console.Write(table);
    }
}
