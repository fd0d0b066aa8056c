using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class AddShardArguments : ChangeArguments
{
    private readonly Argument<string> _id = new("ID") { Description = "Name of the new shard, such as s4" };
    private readonly AddressOptions _address = new();
    private readonly Option<int> _weight = new("--weight")
    {
        Description = "Weight of the shard: its share of the slots in proportion to the weights of the other shards",
        HelpName = "W",
        DefaultValueFactory = _ => 1,
    };


    public AddShardArguments(Command command)
    {
        command.Arguments.Add(_id);
        _address.AddTo(command, "which exists and is empty");
        command.Options.Add(_weight);
        command.Validators.Add(RequireWellFormed);
    }

    public override AddShardChange Read(ParseResult parse) => new(new Shard(
        new ShardId(parse.GetRequiredValue(_id)), _address.Read(parse.CommandResult)!, parse.GetRequiredValue(_weight)));

    private void RequireWellFormed(CommandResult result)
    {
        if (result.GetValue(_id) is not { } id)
            return; // missing: the parser says so
        if (!ShardId.IsValid(id))
            result.AddError($"'{id}' is not a shard id: a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'.");
        else if (_address.Read(result) is { } address
            && (result.GetResult(_weight) is { Tokens.Count: > 0 } ? AddressOptions.Number(result, _weight) : 1) is { } weight
            && ShardRules.FirstViolation(new Shard(new ShardId(id), address, weight)) is { } violation)
            result.AddError(violation);
    }
}
