using System.Globalization;
using System.Text.RegularExpressions;

namespace ShardAdmin.Telemetry;

/// <summary>
/// The address at which metrics are served: <c>9464</c> (on 127.0.0.1), <c>10.0.0.1:9464</c> or <c>*:9464</c> (all IPv4 addresses).
/// </summary>
/// <param name="Host">
/// Requests must name this host, unless it is <c>*</c>. IPv6 is not supported: the listener of .NET does not support it on Linux.
/// </param>
internal sealed partial record MetricsAddress(string Host, int Port)
{
    public static MetricsAddress? Parse(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success
            || !int.TryParse(match.Groups["port"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65_535)
            return null;
        return new MetricsAddress(match.Groups["host"].Value switch { "" => "127.0.0.1", "0.0.0.0" => "*", var host => host }, port);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"http://{Host}:{Port}");

    [GeneratedRegex(
        @"^((?<host>\*|[A-Za-z0-9._-]{1,253}):)?(?<port>[0-9]{1,5})\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
