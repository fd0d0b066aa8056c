using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Ring;

namespace ShardAdmin.Commands;

internal sealed class OpsWatchCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: false);

    public OpsWatchCommand()
        : base(
            "watch",
            "Follows an operation until it is over, also if another process works on it. Without an ID it follows the only unfinished one. "
            + "Exit 0: the operation is done · 1: it was cancelled. Ctrl-C ends only the watching",
            "shardadmin ops watch", "shardadmin ops watch ID -o ndjson | jq '{state, slotsDone, rows, lagMs}'") =>
        Arguments.Add(_id);

    public override bool Streams(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var id = parse.GetValue(_id) is { } text
            ? await OperationArgument.ReadAsync(text, session, ring, cancellation)
            : await OnlyOneAsync(session, ring, cancellation);
        session.LeftOff = "The operation goes on as before; only the watching ended.";
        var operation = await new OperationWatch(session, ring, id).RunAsync(cancellation);
        return operation.State == "done" ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<Guid> OnlyOneAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        Guid[] unfinished = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Select(each => each.Batch.OperationId).Distinct()];
        return unfinished switch
        {
            [var only] => only,
            [] => throw OperationArgument.NotFound(null, "watch"),
            _ => throw new CommandFailedException(
                ExitCode.Usage, $"{Tables.Counted(unfinished.Length, "operation")} are not finished; which one?",
                $"shardadmin ops watch {unfinished[0]}, or {string.Join(", or ", unfinished.Skip(1))}"),
        };
    }
}
