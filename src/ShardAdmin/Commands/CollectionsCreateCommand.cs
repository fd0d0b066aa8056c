using System.CommandLine;
using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardCore.Collections;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class CollectionsCreateCommand : AdminCommand
{
    private readonly Argument<string> _name = CollectionArgument.New();
    private readonly ChangeOptions _change;

    public CollectionsCreateCommand()
        : base("create", "Creates a collection in all shards. Safe to repeat", "shardadmin collections create orders",
            "shardadmin collections create orders --dry-run   # only looks")
    {
        Arguments.Add(_name);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var name = parse.GetRequiredValue(_name);
        var ring = await session.RequireRingAsync(cancellation);
        if (ring.IsEmpty)
            throw new CommandFailedException(
                ExitCode.Precondition, "The cluster has no shard yet.", "shardadmin add-shard s1 --host … --port … --database …");
        var collections = await CollectionSurvey.ReadAsync(session, ring.Shards, cancellation); // all shards must answer before a change
        var before = collections.FirstOrDefault(line => line.Name == name);
        if (before?.State == "beingDeleted")
            throw BeingDeleted(name);
        if (_change.IsDryRun(parse))
        {
            Write(session, name, before?.State == "live" ? "exists" : "wouldCreate");
            return ExitCode.Done;
        }
        session.LeftOff = "Some shards may have the collection already. The same command completes it.";
        var outcome = await Reach.AddressAsync(
            "A shard", () => CollectionStore.CreateAsync(ring.Shards.Select(session.Source), name, AdminSession.Who, cancellation));
        if (outcome == CollectionCreation.BeingDeleted)
            throw BeingDeleted(name);
        Write(session, name, outcome == CollectionCreation.Created ? "created" : "exists");
        return ExitCode.Done;
    }

    private static CommandFailedException BeingDeleted(string name) =>
        new(ExitCode.Conflict, $"The collection {name} is being deleted; its name is not free yet.",
            $"shardadmin collections delete {name}   (completes the deletion)");

    private static void Write(AdminSession session, string name, string outcome) =>
        session.Output.Write(new { collection = name, outcome }, console => console.WriteLine(outcome switch
        {
            "created" => $"Collection {name} was created in all shards.",
            "exists" => $"Collection {name} exists already in all shards.",
            _ => $"Dry run: collection {name} would be created. Nothing was changed.",
        }));
}
