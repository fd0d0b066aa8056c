using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class RemoveShardArguments : ChangeArguments
{
    private readonly Argument<string> _id = ShardArgument.New("ID", "The shard to empty and to remove from the ring");

    public RemoveShardArguments(Command command) => command.Arguments.Add(_id);

    public override RemoveShardChange Read(ParseResult parse) => new(new ShardId(parse.GetRequiredValue(_id)));
}
