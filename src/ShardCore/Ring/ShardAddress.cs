using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ShardCore.Ring;

/// <summary>
/// Where a shard's database is: on one server, or on a primary and its standbys. The address does not say which host is the primary.
/// People type it as <c>host:port/database</c> or <c>host:port,host:port/database</c>.
/// </summary>
public sealed partial class ShardAddress : IEquatable<ShardAddress>
{
    public const string Form = "host:port/database, for instance 10.0.0.1:5432/app; with standbys host:port,host:port/database";
    public const int MaxHosts = 8;

    private readonly string _text;

    public ShardAddress(IEnumerable<ShardHost> hosts, string database)
    {
        (Hosts, Database) = ([.. hosts], database);
        _text = $"{string.Join(',', Hosts)}/{database}";
    }

    /// <summary>At least one host. The order says nothing about which host is the primary.</summary>
    public ImmutableArray<ShardHost> Hosts { get; }

    public string Database { get; }

    /// <summary>Whether there are several hosts: then a program has to find out which of them is the primary.</summary>
    public bool HasStandbys => Hosts.Length > 1;

    /// <returns>Null: the text is no address.</returns>
    public static ShardAddress? TryParse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !DatabasePattern().IsMatch(text[(slash + 1)..]))
            return null;
        var hosts = ParseHosts(text[..slash], defaultPort: null);
        return hosts is null ? null : new ShardAddress(hosts, text[(slash + 1)..]);
    }

    /// <param name="text">Hosts with commas between them, each as <c>host:port</c>.</param>
    /// <param name="defaultPort">The port of hosts that name none; null: each host must name one.</param>
    /// <returns>Null: the text is no list of hosts.</returns>
    public static IReadOnlyList<ShardHost>? ParseHosts(string text, int? defaultPort)
    {
        var hosts = new List<ShardHost>();
        foreach (var part in text.Split(','))
        {
            var match = HostPattern().Match(part);
            if (!match.Success)
                return null;
            var port = defaultPort ?? 0;
            if (match.Groups["port"].Success && !int.TryParse(
                match.Groups["port"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out port))
                return null;
            if (port is < 1 or > 65_535)
                return null;
            hosts.Add(new ShardHost(match.Groups["host"].Value, port));
        }
        return hosts;
    }

    public override string ToString() => _text;

    public bool Equals(ShardAddress? other) => other is not null && _text == other._text;

    public override bool Equals(object? obj) => Equals(obj as ShardAddress);

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    [GeneratedRegex(
        @"^(\[(?<host>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]{1,253}))(:(?<port>[0-9]{1,5}))?\z",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"^[^\p{C}]{1,63}\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DatabasePattern();
}

/// <summary>A Postgres server.</summary>
/// <param name="Name">A host name or an IP address.</param>
/// <param name="Port">1…65535.</param>
public readonly record struct ShardHost(string Name, int Port)
{
    /// <summary><c>10.0.0.1:5432</c>, IPv6 as <c>[::1]:5432</c>.</summary>
    public override string ToString() => Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]:{Port}" : $"{Name}:{Port}";
}
