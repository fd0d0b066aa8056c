using System.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.CommandLine;

internal static class ShardArgument
{
    public static Argument<string> New(string called, string description)
    {
        var argument = new Argument<string>(called) { Description = description };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !ShardId.IsValid(result.Tokens[0].Value))
                result.AddError($"'{result.Tokens[0].Value}' is not a shard id.");
        });
        return argument;
    }
}
