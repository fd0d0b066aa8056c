using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>The argument for the id of an operation, as <c>ops list</c> shows it, or its beginning.</summary>
internal static class OperationArgument
{
    /// <summary>Shorter ones are mistyped rather than meant.</summary>
    public const int LeastCharacters = 4;

    private const int UuidCharacters = 36;

    public static Argument<string?> New(bool required)
    {
        var argument = new Argument<string?>("ID")
        {
            Description = $"Id of the operation, as 'ops list' shows it, or its first {LeastCharacters} characters or more",
            Arity = required ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
        };
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !IsBeginning(result.Tokens[0].Value))
                result.AddError(
                    $"An operation id is a UUID as 'shardadmin ops list' shows it, or its first {LeastCharacters} characters or more, "
                    + $"not '{result.Tokens[0].Value}'.");
        });
        return argument;
    }

    /// <summary>Whether an id can begin so. Hyphens may be left out.</summary>
    public static bool IsBeginning(string text) =>
        text.Length is >= LeastCharacters and <= UuidCharacters && text.All(c => char.IsAsciiHexDigit(c) || c == '-')
        && Digits(text).Length is >= LeastCharacters and <= 32;

    public static bool Begins(Guid id, string text) => id.ToString("N").StartsWith(Digits(text), StringComparison.OrdinalIgnoreCase);

    /// <returns>The operation that the argument names.</returns>
    /// <exception cref="CommandFailedException">Exit 3: there is none that begins so. Exit 2: there are several.</exception>
    public static async Task<Guid> ReadAsync(string text, AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        if (Guid.TryParse(text, out var whole))
            return whole;
        Guid[] meant = [.. (await OperationSurvey.IdsAsync(session, ring.Shards, cancellation)).Where(id => Begins(id, text)).Order()];
        return meant switch
        {
            [var only] => only,
            [] => throw new CommandFailedException(ExitCode.NotFound, $"There is no operation whose id begins with {text}.", "shardadmin ops list"),
            _ => throw new CommandFailedException(
                ExitCode.Usage, $"The ids of {meant.Length} operations begin with {text}: {string.Join(", ", meant)}.",
                "the same command again with more of the id"),
        };
    }

    public static CommandFailedException NotFound(Guid? id, string what) => new(
        ExitCode.NotFound, id is null ? $"There is nothing to {what}." : $"There is no unfinished operation {id} to {what}.",
        "shardadmin ops list");

    private static string Digits(string text) => text.Replace("-", "", StringComparison.Ordinal);
}
