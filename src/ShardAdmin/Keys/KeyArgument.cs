using System.CommandLine;
using ShardCore.Access;

namespace ShardAdmin.Keys;

internal static class KeyArgument
{
    public static Argument<string> New()
    {
        var argument = new Argument<string>("ID")
        {
            Description = "The key's id, as keys list shows it, or the beginning of it that no other key has",
        };
        argument.Validators.Add(result =>
        {
            var id = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (id.StartsWith(ApiKeyText.Prefix, StringComparison.Ordinal))
                result.AddError(
                    $"Give only the id: the {ApiKeyText.IdLength} characters behind {ApiKeyText.Prefix}. "
                    + "A whole key does not belong on a command line.");
            else if (!ApiKeyText.IsIdPrefix(id))
                result.AddError($"'{id}' is no id of an API key: up to {ApiKeyText.IdLength} letters and digits.");
        });
        return argument;
    }
}
