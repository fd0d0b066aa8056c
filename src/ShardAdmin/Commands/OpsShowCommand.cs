using System.CommandLine;
using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsShowCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);

    public OpsShowCommand()
        : base("show", "One operation, batch by batch: phase, attempt, bytes, changes, how long writes were held", "shardadmin ops show ID -o json | jq '.batchList[] | {phase, attempt, bytes, changes, pauseMs}'") =>
        Arguments.Add(_id);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var id = Guid.Parse(parse.GetRequiredValue(_id)!);
        var ring = await session.RequireRingAsync(cancellation);
        var operation = (await OperationSurvey.ReadAsync(session, ring.Shards, cancellation)).FirstOrDefault(each => each.Id == id)
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no operation {id}.", "shardadmin ops list");
        session.Output.WriteList(operation, operation.BatchList, console =>
        {
            console.WriteLine($"{operation.State}: {operation.SlotsDone} of {operation.Slots} slots, {Tables.Bytes(operation.Bytes)} copied, by {operation.StartedBy}");
            var table = Tables.New("from", "to", ">slots", "phase", ">attempt", ">copied", ">changes", ">pause", "last seen", "problem");
            foreach (var line in operation.BatchList)
                table.Row(
                    line.Source, line.Target, $"{line.SlotCount}", line.Phase, $"{line.Attempt}", Tables.Bytes(line.Bytes), Tables.Count(line.Changes),
                    line.PauseMs?.ToString("0 ms", CultureInfo.InvariantCulture), line.SeenAt.ToString("u", CultureInfo.InvariantCulture), line.Problem);
            console.Write(table);
        });
        return ExitCode.Done;
    }
}
