using System.CommandLine;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

/// <summary>The command <c>plan</c>, followed by the same words as one of the commands that move slots.</summary>
internal sealed class PlanCommand : AdminCommand
{
    private readonly Option<string?> _out = new("--out")
    {
        Description = "Write the plan into this file instead of to stdout",
        HelpName = "FILE",
    };

    private readonly ChangeArguments _arguments;

    public PlanCommand(string name, Func<Command, ChangeArguments> arguments, string example)
        : base(
            name, $"Writes the slots that '{name}' with the same arguments would move into a document for 'apply'. Changes nothing",
            $"shardadmin plan {example} --out plan.json", "shardadmin apply plan.json")
    {
        _arguments = arguments(this);
        Options.Add(_out);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var change = _arguments.Read(parse);
        var ring = await session.RequireRingAsync(cancellation);
        change.RequirePossible(ring);
        if (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation) is [var unfinished, ..])
            session.Output.Warn(
                $"Operation {unfinished.Batch.OperationId} is not finished; each of its batches publishes a ring, which makes this plan "
                + "stale.");
        var plan = await change.PlanAsync(session, ring, cancellation);
        await MovePreflight.RequireAsync(session, ring, plan, cancellation);
        var text = PlanDocument.Of(ring, change, plan).Write();
        if (parse.GetValue(_out) is not { } file)
        {
            session.Output.WriteDocument(text);
            return ExitCode.Done;
        }
        await WriteAsync(file, text, cancellation);
        var result = new
        {
            file,
            operation = plan.Operation,
            plannedSlots = plan.Slots,
            estimatedBytes = plan.Bytes,
            epoch = ring.Epoch.Value,
            balance = plan.Balance,
        };
        session.Output.Write(result, console =>
        {
            PlanTable.Render(console, plan);
            console.WriteLine($"The plan is in {file}. It is valid while the ring has epoch {ring.Epoch}: shardadmin apply {file}");
        });
        return ExitCode.Done;
    }

    private static async Task WriteAsync(string file, string text, CancellationToken cancellation)
    {
        try
        {
            await File.WriteAllTextAsync(file, text + "\n", cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(
                ExitCode.Failed, $"The plan cannot be written: {e.Message}", "the same command with another --out");
        }
    }
}
