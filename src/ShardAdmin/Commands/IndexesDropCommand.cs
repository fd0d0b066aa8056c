using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class IndexesDropCommand : AdminCommand
{
    private readonly Argument<string> _collection = CollectionArgument.New("COLLECTION");
    private readonly Argument<string> _name = IndexArguments.Name();
    private readonly ChangeOptions _change;

    public IndexesDropCommand()
        : base(
            "drop",
            "Drops an index, in all shards. No item is touched. Asks first. Safe to repeat: after a crash the same command, or an agent, "
            + "completes it",
            "shardadmin indexes drop orders by_total", "shardadmin indexes drop orders by_total --yes")
    {
        Arguments.Add(_collection);
        Arguments.Add(_name);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var key = new IndexKey(parse.GetRequiredValue(_collection), parse.GetRequiredValue(_name));
        var ring = await session.RequireRingAsync(cancellation);
        var sight = (await IndexSurvey.RequireAllAsync(session, ring, cancellation)).FirstOrDefault(each => each.Key == key)
            ?? throw new CommandFailedException(
                ExitCode.NotFound, $"There is no index {key}.", $"shardadmin indexes list {key.Collection}");
        var bytes = sight.Known.Sum(each => each.Bytes);
        if (_change.IsDryRun(parse))
        {
            session.Output.Write(
                new { collection = key.Collection, index = key.Name, outcome = "wouldDrop", bytes },
                console => console.WriteLine($"Dry run: the index {key} would be dropped. Nothing was changed."));
            return ExitCode.Done;
        }
        await session.Output.ConfirmAsync(
            $"Drop the index {key}, in {Tables.Counted(ring.Shards.Length, "shard")}?", _change.IsYes(parse),
            $"shardadmin indexes drop {key.Collection} {key.Name}", cancellation);
        await new IndexRun(session, ring, key).DropAsync(cancellation);
        session.Output.Write(
            new { collection = key.Collection, index = key.Name, outcome = "dropped", bytes },
            console => console.WriteLine($"The index {key} was dropped; {Tables.Bytes(bytes)} are free again."));
        return ExitCode.Done;
    }
}
