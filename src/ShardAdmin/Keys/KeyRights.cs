using System.CommandLine;
using System.CommandLine.Parsing;
using ShardCore.Access;
using ShardCore.Collections;

namespace ShardAdmin.Keys;

/// <summary>The options that say what a new key may do.</summary>
internal sealed class KeyRights
{
    private const int MaxEntries = 100;

    private static readonly string[] UsualScopes = ["items:read", "items:write"];

    private readonly Option<string[]> _scopes = ListOption(
        "--scopes", $"What it may do: {string.Join(", ", AccessScopes.AllNames)} (default: {string.Join(',', UsualScopes)})", "LIST",
        name => AccessScopes.Parse(name) == AccessScope.None ? $"'{name}' is no scope; there are {string.Join(", ", AccessScopes.AllNames)}" : null);

    private readonly Option<string[]> _collections = ListOption(
        "--collections", "In which collections (default: all). Others are hidden from it", "LIST",
        name => CollectionName.IsValid(name) ? null : $"'{name}' is not a collection name: {CollectionName.Rule}");

    private readonly Option<string[]> _partitions = ListOption(
        "--partitions", $"In which partitions (default: all): each {PartitionPattern.Rule}", "LIST",
        text => text == "*" ? "'*' is every partition: leave --partitions out if that is meant"
            : PartitionPattern.TryParse(text) is null ? $"'{text}' is no pattern: {PartitionPattern.Rule}"
            : null);

    public KeyRights(Command command)
    {
        foreach (var option in (Option[])[_scopes, _collections, _partitions])
            command.Options.Add(option);
    }

    public string[] Scopes(ParseResult parse) => [.. AccessScopes.NamesOf(AccessScopes.Parse(
        parse.GetValue(_scopes) is { Length: > 0 } names ? names : UsualScopes))];

    public string[]? Collections(ParseResult parse) => parse.GetValue(_collections) is { Length: > 0 } names ? names : null;

    public string[]? Partitions(ParseResult parse) => parse.GetValue(_partitions) is { Length: > 0 } patterns ? patterns : null;

    /// <param name="problem">What is wrong with an entry; null: nothing.</param>
    private static Option<string[]> ListOption(string name, string description, string help, Func<string, string?> problem) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Parse(name, result, problem),
    };

    private static string[]? Parse(string option, ArgumentResult result, Func<string, string?> problem)
    {
        string[] entries = [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries))
            .Distinct(StringComparer.Ordinal)];
        if (Array.Find(entries, entry => problem(entry) is not null) is { } wrong)
            result.AddError($"{option}: {problem(wrong)}.");
        else if (entries.Length > MaxEntries)
            result.AddError($"{option} takes at most {MaxEntries} entries.");
        return entries;
    }
}
