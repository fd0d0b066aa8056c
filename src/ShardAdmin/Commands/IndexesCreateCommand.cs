using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardCore.Indexes;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class IndexesCreateCommand : AdminCommand
{
    private readonly Argument<string> _collection = CollectionArgument.New("COLLECTION");
    private readonly Argument<string> _name = IndexArguments.Name();
    private readonly Argument<IndexField[]> _fields = IndexArguments.Fields();

    private readonly Option<bool> _unique = new("--unique")
    {
        Description = "No two items of one partition have the same values. Only while no slot moves",
    };

    private readonly Option<bool> _detach = new("--detach") { Description = "Only define it; an agent builds it" };

    private readonly ChangeOptions _change;

    public IndexesCreateCommand()
        : base(
            "create",
            "Makes an index on fields of documents, in all shards in parallel, while they serve. Safe to repeat: after Ctrl-C or a crash the "
            + "same command, or an agent, goes on. Needs a user who may be the owner of the tables (SHARDING_OWNER_USER)",
            "shardadmin indexes create orders by_total total:number:desc customer",
            "shardadmin indexes create users by_email email:text --unique",
            "shardadmin indexes create orders by_day day:timestamp --detach   # an agent builds it")
    {
        Arguments.Add(_collection);
        Arguments.Add(_name);
        Arguments.Add(_fields);
        Options.Add(_unique);
        Options.Add(_detach);
        _change = new ChangeOptions(this);
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var key = new IndexKey(parse.GetRequiredValue(_collection), parse.GetRequiredValue(_name));
        var wanted = new WantedIndex(key, IndexField.Write(parse.GetRequiredValue(_fields)), parse.GetValue(_unique));
        var ring = await session.RequireRingAsync(cancellation);
        await IndexSurvey.RequireCollectionAsync(session, ring, key.Collection, cancellation);
        var (isDetached, retry) = (parse.GetValue(_detach), Typed(parse, key));
        if (!isDetached)
            await IndexDefining.RequireOwnerAsync(session, ring, retry + " --detach", cancellation);
        if (_change.IsDryRun(parse))
        {
            var there = (await IndexSurvey.ReadAsync(session, ring.Shards, key, cancellation)).State;
            Write(session, key, there == "gone" ? "wouldCreate" : there);
            return ExitCode.Done;
        }
        session.LeftOff = $"Some shards may have the definition of the index {key} already. The same command completes it.";
        await IndexDefining.CreateAsync(session, ring, wanted, retry, cancellation);
        await session.Failpoint.ReachedAsync("index-defined", cancellation);
        if (isDetached)
        {
            if (await AgentRegistry.CountAsync(session, cancellation) == 0)
                session.Output.Warn(
                    "No agent runs, so nobody builds it yet. Start one (shardadmin agent), or: "
                    + $"shardadmin indexes build {key.Collection} {key.Name}");
            Write(session, key, "detached");
            return ExitCode.Done;
        }
        await new IndexRun(session, ring, key).BuildAsync(cancellation);
        Write(session, key, "ready");
        return ExitCode.Done;
    }

    private string Typed(ParseResult parse, IndexKey key) => CommandText.Of([
        "indexes", "create", key.Collection, key.Name, .. parse.GetRequiredValue(_fields).Select(field => field.ToString()),
        .. parse.GetValue(_unique) ? ["--unique"] : Array.Empty<string>()]);

    private static void Write(AdminSession session, IndexKey key, string outcome) =>
        session.Output.Write(new { collection = key.Collection, index = key.Name, outcome }, console => console.WriteLine(outcome switch
        {
            "ready" => $"The index {key} is ready in all shards.",
            "detached" => $"The index {key} is defined in all shards; an agent builds it (shardadmin indexes list {key.Collection}).",
            "wouldCreate" => $"Dry run: the index {key} would be made in all shards. Nothing was changed.",
            _ => $"Dry run: there is an index {key} already, and it is {outcome}. Nothing was changed.",
        }));
}
