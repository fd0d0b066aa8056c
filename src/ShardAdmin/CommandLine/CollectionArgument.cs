using System.CommandLine;
using ShardCore.Collections;

namespace ShardAdmin.CommandLine;

internal static class CollectionArgument
{
    public static Argument<string> New()
    {
        var argument = new Argument<string>("NAME") { Description = $"Name of the collection: {CollectionName.Rule}" };
        argument.Validators.Add(result =>
        {
            var name = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (!CollectionName.IsValid(name))
                result.AddError($"'{name}' is not a collection name: {CollectionName.Rule}.");
        });
        return argument;
    }
}
