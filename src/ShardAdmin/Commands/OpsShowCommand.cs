using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rings;

namespace ShardAdmin.Commands;

internal sealed class OpsShowCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: true);

    public OpsShowCommand()
        : base(
            "show", "Shows one operation, batch by batch: phase, attempt, bytes, changes, and how long writes were held",
            "shardadmin ops show ID", "shardadmin ops show ID -o json | jq '.batchList[] | {phase, attempt, bytes, changes, pauseMs}'") =>
        Arguments.Add(_id);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var id = await OperationArgument.ReadAsync(parse.GetRequiredValue(_id)!, session, ring, cancellation);
        var operation = await OperationSurvey.FindAsync(session, ring.Shards, id, cancellation)
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no operation {id}.", "shardadmin ops list");
        session.Output.WriteList(operation, operation.BatchList, console => OperationTable.Render(console, operation));
        return ExitCode.Done;
    }
}
