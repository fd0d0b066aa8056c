using System.CommandLine;
using ShardAdmin.CommandLine;

namespace ShardAdmin.Rebalancing;

/// <summary>The id of an operation, as <c>ops list</c> shows it.</summary>
internal static class OperationArgument
{
    public static Argument<string?> New(bool required)
    {
        var argument = new Argument<string?>("ID") { Description = "Id of the operation (ops list)", Arity = required ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !Guid.TryParse(result.Tokens[0].Value, out _))
                result.AddError($"An operation id is a UUID as 'shardadmin ops list' shows it, not '{result.Tokens[0].Value}'.");
        });
        return argument;
    }

    public static CommandFailedException NotFound(Guid? id, string what) => new(
        ExitCode.NotFound, id is null ? $"There is nothing to {what}." : $"There is no unfinished operation {id} to {what}.", "shardadmin ops list");
}
