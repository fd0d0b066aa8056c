using System.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class RemoveShardArguments : ChangeArguments
{
    private readonly Argument<string> _id = new("ID") { Description = "The shard to empty and to remove from the ring" };

    public RemoveShardArguments(Command command)
    {
        command.Arguments.Add(_id);
        _id.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !ShardId.IsValid(result.Tokens[0].Value))
                result.AddError($"'{result.Tokens[0].Value}' is not a shard id.");
        });
    }

    public override RemoveShardChange Read(ParseResult parse) => new(new ShardId(parse.GetRequiredValue(_id)));
}
