using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

internal sealed class MoveArguments : ChangeArguments
{
    private readonly Argument<IReadOnlyList<Slot>?> _slots = new("SLOTS")
    {
        Description = "The slots to move, such as 5, 5-9 or 5,7,9-12",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = SlotsArgument.ParserFor("SLOTS"),
    };

    private readonly Option<string?> _partitionKey = new("--pk")
    {
        Description = "Instead of SLOTS: move the slot of this partition key",
        HelpName = "KEY",
    };

    private readonly Option<string> _target = new("--to")
    {
        Description = "The shard that gets the slots",
        HelpName = "ID",
        Required = true,
    };


    public MoveArguments(Command command)
    {
        command.Arguments.Add(_slots);
        command.Options.Add(_partitionKey);
        command.Options.Add(_target);
        command.Validators.Add(result =>
        {
            var slots = result.GetResult(_slots) is { Tokens.Count: > 0 };
            var key = result.GetResult(_partitionKey) is { Tokens.Count: > 0 };
            if (slots == key)
                result.AddError(slots ? "SLOTS and --pk exclude each other." : "Which slots? Give SLOTS, or --pk KEY.");
            if (result.GetResult(_target) is { Tokens.Count: > 0 } to && !ShardId.IsValid(to.Tokens[^1].Value))
                result.AddError($"--to takes a shard id, not '{to.Tokens[^1].Value}'.");
        });
    }

    public override ClusterChange Read(ParseResult parse) =>
        new MoveChange(
            parse.GetValue(_partitionKey) is { } key ? [SlotHash.Of(key)] : parse.GetValue(_slots)!,
            new ShardId(parse.GetRequiredValue(_target)));
}
