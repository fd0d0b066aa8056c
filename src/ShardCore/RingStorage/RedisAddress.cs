using System.Net;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>Where Redis is: <c>host:port</c>, or the connection string of StackExchange.Redis (<c>host:port,user=…,password=…,ssl=true</c>).</summary>
public static class RedisAddress
{
    /// <summary>For messages.</summary>
    public const string Expected = "host:port, or StackExchange.Redis's connection string (host:port,user=…,password=…,ssl=true)";

    /// <exception cref="ArgumentException">It cannot be read, or a server has no port.</exception>
    public static ConfigurationOptions Parse(string text)
    {
        var options = ConfigurationOptions.Parse(text);
        if (options.EndPoints.Count == 0 || options.EndPoints.Any(each => PortOf(each) is <= 0 or > IPEndPoint.MaxPort))
            throw new ArgumentException($"Expected {Expected}.", nameof(text));
        return options;
    }

    public static bool IsValid(string? text)
    {
        try
        {
            return text is { Length: > 0 } && Parse(text) is not null;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <returns>host:port of the first server, for messages.</returns>
    public static string Describe(ConfigurationOptions options) => options.EndPoints[0] switch
    {
        DnsEndPoint named => $"{named.Host}:{named.Port}",
        var other => other.ToString() ?? "",
    };

    private static int PortOf(EndPoint server) => server switch
    {
        DnsEndPoint named => named.Port,
        IPEndPoint numbered => numbered.Port,
        _ => 0,
    };
}
