using System.CommandLine;
using System.CommandLine.Parsing;
using ShardCore.Ring;

namespace ShardAdmin.CommandLine;

/// <summary>The option <c>--at ID=HOST:PORT/DATABASE</c>: tells the addresses of shards that are no longer where the ring says.</summary>
internal sealed class ShardPlaces
{
    private readonly Option<string[]> _at;

    public ShardPlaces(Command command, string description)
    {
        _at = new Option<string[]>("--at")
        {
            Description = description,
            HelpName = "ID=HOST:PORT/DATABASE",
            DefaultValueFactory = _ => [],
        };
        _at.Validators.Add(Require);
        command.Options.Add(_at);
    }

    public IReadOnlyDictionary<ShardId, ShardAddress> Read(ParseResult parse) =>
        parse.GetRequiredValue(_at).Select(text => Parse(text)!.Value).ToDictionary(each => each.Shard, each => each.Place);

    private static void Require(OptionResult result)
    {
        foreach (var token in result.Tokens.Where(token => Parse(token.Value) is null))
            result.AddError($"--at takes a shard's id and {ShardAddress.Form}: s1=10.0.0.1:5432/app, not '{token.Value}'.");
        if (result.Tokens.Select(token => Parse(token.Value)?.Shard).OfType<ShardId>().GroupBy(id => id)
            .FirstOrDefault(same => same.Count() > 1) is { } twice)
            result.AddError($"--at names shard {twice.Key} twice.");
    }

    private static (ShardId Shard, ShardAddress Place)? Parse(string text) =>
        text.Split('=', 2) is [var id, var place] && ShardId.IsValid(id) && ShardAddress.TryParse(place) is { } endpoint
            ? (new ShardId(id), endpoint) : null;
}
