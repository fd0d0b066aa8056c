using System.CommandLine;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class OpsResumeCommand : AdminCommand
{
    private readonly Argument<string?> _id = OperationArgument.New(required: false);
    private readonly Option<bool> _takeOver = new("--take-over") { Description = "Also if another process seems to work on it: that one is ended safely at its next step" };
    private readonly MoveRunOptions _run;

    public OpsResumeCommand()
        : base("resume", "Carries on what was interrupted, from wherever it stands; without an id everything unfinished (exit 3 if nothing is)", "shardadmin ops resume", "shardadmin ops resume ID --rate 20MiB/s")
    {
        Arguments.Add(_id);
        Options.Add(_takeOver);
        _run = new MoveRunOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        Guid? id = parse.GetValue(_id) is { } text ? Guid.Parse(text) : null;
        var ring = await session.RequireRingAsync(cancellation);
        var moved = await new SlotRebalance(session, _run.Read(parse)).ResumeAsync(ring, id, parse.GetValue(_takeOver), cancellation);
        if (moved == 0)
            throw OperationArgument.NotFound(id, "resume");
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        session.Output.Write(new { movedSlots = moved, epoch = epoch.Value }, console => console.WriteLine($"Resumed and completed: {Tables.Count(moved)} slots, epoch {epoch}."));
        return ExitCode.Done;
    }
}
