using ShardRouter.Access.Tokens;

namespace ShardRouter.Access;

/// <summary>Who is let in, from the environment.</summary>
/// <param name="IsOpen">SHARDING_AUTH=open: everybody, with all rights. The default is "required".</param>
/// <param name="Tokens">Null: only API keys let in.</param>
public sealed record AccessOptions(bool IsOpen, TokenOptions? Tokens)
{
    /// <exception cref="FormatException">A variable cannot be used; the message names it and what it may be.</exception>
    public static AccessOptions FromEnvironment(Func<string, string?> variable)
    {
        var isOpen = Text(variable, "SHARDING_AUTH") switch
        {
            null or "required" => false,
            "open" => true,
            var other => throw new FormatException($"SHARDING_AUTH is '{other}'; it must be required or open."),
        };
        return new AccessOptions(isOpen, TokenOptions.FromEnvironment(name => Text(variable, name)));
    }

    private static string? Text(Func<string, string?> variable, string name) => variable(name) is { Length: > 0 } value ? value : null;
}
