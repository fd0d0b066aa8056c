using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Queries;
using ShardCore.Collections;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class QueriesCommand : AdminCommand
{
    private const int DefaultLimit = 20;
    private const int MaxLimit = 1000;

    private readonly Option<string?> _collection = new("--collection")
    {
        Description = "Only queries of this collection",
        HelpName = "C",
    };

    private readonly Option<QueryOrder> _by = new("--by")
    {
        Description = "What comes first: most time of shards (time, the default), most items looked at (scanned), or most requests (calls)",
        HelpName = "time|scanned|calls",
        CustomParser = ParseOrder, // without it, Time: a default named here would be shown in the help as the program writes it
    };

    private readonly Option<int> _limit = new("--limit")
    {
        Description = $"How many shapes at most, 1 to {MaxLimit}",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultLimit,
    };

    public QueriesCommand()
        : base(
            "queries",
            "The queries that cost the shards most, by shape (without values), and what to do about them. Asks every registered router; "
            + "each counts since it started, and forgets what nobody asked for a day",
            "shardadmin queries", "shardadmin queries --collection orders --by scanned",
            "shardadmin queries -o json | jq -r '.queries[].command | select(. != null)'   # indexes that are missing")
    {
        Options.Add(_collection);
        Options.Add(_by);
        Options.Add(_limit);
        _collection.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !CollectionName.IsValid(result.Tokens[^1].Value))
                result.AddError($"'{result.Tokens[^1].Value}' is not a collection name: {CollectionName.Rule}.");
        });
        _limit.Validators.Add(result =>
        {
            if (AddressOptions.Number((CommandResult)result.Parent!, _limit) is < 1 or > MaxLimit)
                result.AddError($"--limit is 1…{MaxLimit}.");
        });
    }

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var survey = await QuerySurvey.ReadAsync(session, cancellation);
        foreach (var (router, url, problem) in survey.Silent)
            session.Output.Warn($"Router {router} at {url} does not tell: {problem} What only it knows is not shown.");
        var lines = QueryLine.Of(survey.Queries, parse.GetValue(_collection), parse.GetValue(_by), parse.GetValue(_limit));
        session.Output.WriteList(new { queries = lines, routers = survey.Answered, silent = survey.Silent }, lines, console =>
        {
            if (lines.Count > 0)
                console.Write(QueryLine.Table(lines));
            else
                console.WriteLine(
                    survey.Answered.Count > 0 ? "No router has answered such a query yet."
                    : survey.Silent.Count > 0 ? "No router tells." : "No router is registered.");
        });
        return survey is { Answered: [], Silent: not [] } ? ExitCode.CannotReach : ExitCode.Done;
    }

    private static QueryOrder ParseOrder(ArgumentResult result)
    {
        switch (result.Tokens.Count > 0 ? result.Tokens[^1].Value : "")
        {
            case "time": return QueryOrder.Time;
            case "scanned": return QueryOrder.Scanned;
            case "calls": return QueryOrder.Calls;
            case var other:
                result.AddError($"--by takes time, scanned or calls, not '{other}'.");
                return default;
        }
    }
}
