using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class AddShardArguments : ChangeArguments
{
    private readonly Argument<string> _id = new("ID") { Description = "Name of the new shard, for instance s4" };
    private readonly Option<string> _host = new("--host") { Description = "Host of its Postgres server, as the routers reach it", HelpName = "H", Required = true };
    private readonly Option<int> _port = new("--port") { Description = "Port of its Postgres server", HelpName = "P", Required = true };
    private readonly Option<string> _database = new("--database") { Description = "Database, which exists and is empty", HelpName = "D", Required = true };
    private readonly Option<int> _weight = new("--weight") { Description = "Its share of the slots beside the other shards' weights", HelpName = "W", DefaultValueFactory = _ => 1 };

    public AddShardArguments(Command command)
    {
        command.Arguments.Add(_id);
        foreach (Option option in (Option[])[_host, _port, _database, _weight])
            command.Options.Add(option);
        command.Validators.Add(RequireWellFormed);
    }

    public override AddShardChange Read(ParseResult parse) => new(new Shard(
        new ShardId(parse.GetRequiredValue(_id)), parse.GetRequiredValue(_host), parse.GetRequiredValue(_port), parse.GetRequiredValue(_database), parse.GetRequiredValue(_weight)));

    private void RequireWellFormed(CommandResult result)
    {
        if (result.GetValue(_id) is not { } id)
            return; // missing: the parser says so
        if (!ShardId.IsValid(id))
            result.AddError($"'{id}' is not a shard id: a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'.");
        else if (result.GetValue(_host) is { } host && result.GetValue(_database) is { } database
            && Number(result, _port) is { } port && (result.GetResult(_weight) is { Tokens.Count: > 0 } ? Number(result, _weight) : 1) is { } weight
            && ShardRules.FirstViolation(new Shard(new ShardId(id), host, port, database, weight)) is { } violation)
            result.AddError(violation);
    }

    /// <summary>Null when it is missing or no number: the parser says so, and asking it for the value would throw.</summary>
    private static int? Number(CommandResult result, Option<int> option) =>
        int.TryParse(result.GetResult(option)?.Tokens is { Count: > 0 } tokens ? tokens[^1].Value : null, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
