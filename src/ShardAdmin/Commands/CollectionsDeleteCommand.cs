using System.CommandLine;
using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class CollectionsDeleteCommand : AdminCommand
{
    private readonly Argument<string> _name = CollectionArgument.New();
    private readonly ChangeOptions _change;

    public CollectionsDeleteCommand()
        : base(
            "delete",
            "Deletes a collection with all its items, in all shards. Asks first. "
            + "Safe to repeat: after a crash the same command completes the deletion",
            "shardadmin collections delete orders", "shardadmin collections delete orders --yes")
    {
        Arguments.Add(_name);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var name = parse.GetRequiredValue(_name);
        var ring = await session.RequireRingAsync(cancellation);
        if ((await CollectionSurvey.ReadAsync(session, ring.Shards, cancellation)).All(line => line.Name != name))
            throw new CommandFailedException(ExitCode.NotFound, $"There is no collection {name}.", "shardadmin collections list");
        if (_change.IsDryRun(parse))
        {
            session.Output.Write(new { collection = name, outcome = "wouldDelete" }, console => console.WriteLine(
                $"Dry run: collection {name} would be deleted with all its items. Nothing was changed."));
            return ExitCode.Done;
        }
        await session.Output.ConfirmAsync(
            $"Delete the collection {name} with all its items, in {Tables.Counted(ring.Shards.Length, "shard")}?", _change.IsYes(parse),
            $"shardadmin collections delete {name}", cancellation);
        var rows = await new CollectionDeletion(session, name).RunAsync(ring, cancellation);
        session.Output.Write(
            new { collection = name, outcome = "deleted", rows },
            console => console.WriteLine($"Collection {name} was deleted with {Tables.Counted(rows, "item")}."));
        return ExitCode.Done;
    }
}
