using System.Globalization;
using System.Text.RegularExpressions;
using ShardCore.Ring;

namespace ShardAdmin.CommandLine;

/// <summary>Where a Postgres database is, as people type it: <c>host:port/database</c>, IPv6 as <c>[::1]:5432/db</c>.</summary>
internal sealed partial record Endpoint(string Host, int Port, string Database)
{
    public const string Form = "host:port/database, for instance 10.0.0.1:5432/app";

    public static Endpoint? Parse(string text)
    {
        var match = DatabasePattern().Match(text);
        return match.Success && TryPort(match, out var port) ? new Endpoint(match.Groups["host"].Value, port, match.Groups["db"].Value) : null;
    }

    public static bool IsHostAndPort(string text)
    {
        var match = ServerPattern().Match(text);
        return match.Success && TryPort(match, out _);
    }

    /// <summary>The shard, at this place.</summary>
    public Shard Of(Shard shard) => shard with { Host = Host, Port = Port, Database = Database };

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}/{Database}" : $"{Host}:{Port}/{Database}";

    private static bool TryPort(Match match, out int port) =>
        int.TryParse(match.Groups["port"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is >= 1 and <= 65_535;

    [GeneratedRegex(@"^(\[(?<host>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]{1,253})):(?<port>[0-9]{1,5})/(?<db>[^\p{C}]{1,63})\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DatabasePattern();

    [GeneratedRegex(@"^(\[(?<host>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]{1,253})):(?<port>[0-9]{1,5})\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServerPattern();
}
