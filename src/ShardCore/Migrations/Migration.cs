using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace ShardCore.Migrations;

/// <summary>One file of <c>migrations/shard/</c>. Once released it never changes: a correction is a further file.</summary>
/// <param name="Version">The number that the file name begins with: 1, 2, 3 …</param>
/// <param name="FileName"><c>NNNN_verb_noun.sql</c></param>
/// <param name="Sql">The whole file. It runs in one transaction.</param>
public sealed partial record Migration(int Version, string FileName, string Sql)
{
    /// <summary>The SHA-256 of the file, in hexadecimal.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));

    /// <exception cref="FormatException">The file name has another form.</exception>
    public static Migration FromFile(string fileName, string sql) =>
        NamePattern().Match(fileName) is { Success: true } match
            ? new Migration(int.Parse(match.Groups["version"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture), fileName, sql)
            : throw new FormatException($"'{fileName}' is not named NNNN_verb_noun.sql.");

    [GeneratedRegex("^(?<version>[0-9]{4})(_[a-z0-9]+)+\\.sql\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}
