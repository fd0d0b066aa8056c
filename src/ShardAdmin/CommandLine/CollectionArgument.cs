using System.CommandLine;
using ShardCore.Collections;

namespace ShardAdmin.CommandLine;

internal static class CollectionArgument
{
    public static Argument<string> New(string called = "NAME") => Checked(new Argument<string>(called));

    /// <summary>For a command that works on all collections if none is named.</summary>
    public static Argument<string?> Optional(string called) =>
        Checked(new Argument<string?>(called) { Arity = ArgumentArity.ZeroOrOne });

    private static Argument<T> Checked<T>(Argument<T> argument)
    {
        argument.Description = $"Name of the collection: {CollectionName.Rule}";
        argument.Validators.Add(result =>
        {
            var name = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (result.Tokens.Count > 0 && !CollectionName.IsValid(name))
                result.AddError($"'{name}' is not a collection name: {CollectionName.Rule}.");
        });
        return argument;
    }
}
