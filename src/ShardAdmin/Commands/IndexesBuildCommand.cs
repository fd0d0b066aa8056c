using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Rings;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class IndexesBuildCommand : AdminCommand
{
    private readonly Argument<string?> _collection = CollectionArgument.Optional("COLLECTION");
    private readonly Argument<string?> _name = IndexArguments.OptionalName();
    private readonly ChangeOptions _change;

    public IndexesBuildCommand()
        : base(
            "build",
            "Builds indexes that are defined and not ready, one after the other; those whose build failed are built again. Without arguments "
            + "all of them. Safe to repeat",
            "shardadmin indexes build", "shardadmin indexes build orders by_total")
    {
        Arguments.Add(_collection);
        Arguments.Add(_name);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var (collection, name) = (parse.GetValue(_collection), parse.GetValue(_name));
        var ring = await session.RequireRingAsync(cancellation);
        var all = await IndexSurvey.RequireAllAsync(session, ring, cancellation);
        IndexSight[] named = [.. all.Where(each =>
            (collection is null || collection == each.Key.Collection) && (name is null || name == each.Key.Name))];
        if (named.Length == 0 && collection is not null)
            throw new CommandFailedException(
                ExitCode.NotFound, $"There is no index {name ?? "at all"} of the collection {collection}.", "shardadmin indexes list");
        IndexSight[] open = [.. named.Where(each =>
            each.State == "failed" || IndexRules.Decide(each) is not (IndexTask.None or IndexTask.Drop or IndexTask.Quit))];
        if (open.Length > 0)
            await IndexDefining.RequireOwnerAsync(session, ring, "shardadmin agent   (with SHARDING_OWNER_USER)", cancellation);
        if (!_change.IsDryRun(parse))
            foreach (var sight in open)
                await BuildAsync(session, ring, sight, cancellation);
        var lines = open.Select(each => new { collection = each.Key.Collection, index = each.Key.Name, before = each.State }).ToArray();
        session.Output.WriteList(new { dryRun = _change.IsDryRun(parse), built = lines }, lines, console => console.WriteLine(
            lines.Length == 0 ? "There is nothing to build: every index is ready in all shards."
            : $"{(_change.IsDryRun(parse) ? "Dry run: to build: " : "Ready in all shards: ")}"
                + $"{string.Join(", ", open.Select(each => $"{each.Key.Collection} {each.Key.Name}"))}."));
        return ExitCode.Done;
    }

    private static async Task BuildAsync(AdminSession session, ShardRing ring, IndexSight sight, CancellationToken cancellation)
    {
        var key = sight.Key;
        if (sight.Known.All(each => each.State == "failed"))
            await IndexDefining.CreateAsync(
                session, ring, WantedIndex.Of(sight.Known.First()), $"shardadmin indexes build {key.Collection} {key.Name}", cancellation);
        await session.Failpoint.ReachedAsync("index-defined", cancellation);
        await new IndexRun(session, ring, key).BuildAsync(cancellation);
    }
}
