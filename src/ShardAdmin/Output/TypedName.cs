using System.Text.RegularExpressions;
using ShardAdmin.Settings;

namespace ShardAdmin.Output;

/// <summary>
/// Commands in messages begin with the words that people type to start this program. These are "shardadmin" unless SHARDADMIN_NAME has
/// others: <c>./dev admin</c> sets it to its own name.
/// </summary>
internal sealed partial class TypedName(AdminProcess process)
{
    private readonly string? _name = process.Variable("SHARDADMIN_NAME");

    /// <summary>The text with the present name; names of files and services, such as shardadmin.service, stay.</summary>
    public string In(string text) => string.IsNullOrEmpty(_name) ? text : Command().Replace(text, _ => _name);

    [GeneratedRegex(@"(?<![\w./-])shardadmin(?= [a-z-])", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Command();
}
