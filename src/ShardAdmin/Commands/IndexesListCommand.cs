using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class IndexesListCommand : AdminCommand
{
    private readonly Argument<string?> _collection = CollectionArgument.Optional("COLLECTION");

    public IndexesListCommand()
        : base(
            "list", "Lists indexes on fields of documents: their fields, how far they are built, and what keeps them from being ready",
            "shardadmin indexes list", "shardadmin indexes list orders -o json | jq '.indexes[] | {index, state, progress}'") =>
        Arguments.Add(_collection);

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var collection = parse.GetValue(_collection);
        var ring = await session.RequireRingAsync(cancellation);
        if (collection is not null)
            await IndexSurvey.RequireCollectionAsync(session, ring, collection, cancellation);
        var sights = await IndexSurvey.RequireAllAsync(session, ring, cancellation);
        IndexLine[] lines = [.. sights.Where(each => collection is null || each.Key.Collection == collection).Select(IndexLine.Of)];
        session.Output.WriteList(
            new { indexes = lines.Select(Document) }, lines.Select(Document), console => Render(console, lines, collection));
        return ExitCode.Done;
    }

    private static object Document(IndexLine line) => new
    {
        line.Collection,
        line.Index,
        line.Fields,
        line.Unique,
        line.State,
        line.Progress,
        line.Bytes,
        NotIn = line.NotIn.Select(id => id.Value).ToArray(),
        line.Problem,
    };

    private static void Render(IAnsiConsole console, IndexLine[] lines, string? collection)
    {
        if (lines.Length == 0)
        {
            console.WriteLine($"There is no index yet; shardadmin indexes create {collection ?? "COLLECTION"} NAME FIELD makes one.");
            return;
        }
        var table = Tables.New("collection", "index", "fields", "unique", "state", ">done", ">size", "not in");
        foreach (var line in lines)
            table.Row(
                line.Collection, line.Index, string.Join(' ', line.Fields), line.Unique ? "in a partition" : null, line.State,
                Tables.Percent(line.Progress), Tables.Bytes(line.Bytes), line.NotIn.Count == 0 ? null : string.Join(", ", line.NotIn));
        console.Write(table);
        foreach (var line in lines.Where(line => line.Problem is not null))
            console.MarkupLine($"[yellow]{Markup.Escape($"{line.Collection} {line.Index}")}:[/] {Markup.Escape(line.Problem!)}");
    }
}
