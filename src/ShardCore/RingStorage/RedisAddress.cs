using System.Net;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// Where Redis is, and how it is spoken to: <c>host:port</c>, or the connection string of StackExchange.Redis
/// (<c>host:port,user=…,ssl=true</c>) with two words of our own, which name files: <c>passwordFile=…</c> and <c>caFile=…</c>.
/// </summary>
/// <remarks>Both files are read anew for each connection, so a changed one counts without a restart.</remarks>
public static class RedisAddress
{
    /// <summary>The form of an address, for error messages.</summary>
    public const string Expected = "host:port, or StackExchange.Redis's connection string "
        + "(host:port,user=…,password=…,ssl=true), with passwordFile=… and caFile=… of files that can be read";

    private const string PasswordFile = "passwordFile=";
    private const string CaFile = "caFile=";

    /// <exception cref="ArgumentException">The text cannot be read, a server in it has no port, or a file is not there.</exception>
    public static ConfigurationOptions Parse(string text)
    {
        var words = text.Split(',');
        var options = ConfigurationOptions.Parse(string.Join(',', words.Where(word => !Has(word, PasswordFile) && !Has(word, CaFile))));
        if (options.EndPoints.Count == 0 || options.EndPoints.Any(each => PortOf(each) is <= 0 or > IPEndPoint.MaxPort))
            throw new ArgumentException($"Expected {Expected}.", nameof(text));
        if (FileOf(words, PasswordFile) is { } passwordFile)
            options.Defaults = new RedisPasswordFile(passwordFile);
        if (FileOf(words, CaFile) is { } caFile)
        {
            options.Ssl = true;
            options.CertificateValidation += (_, certificate, chain, errors) => RedisAuthority.Issued(caFile, certificate, chain, errors);
        }
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

    private static bool Has(string word, string name) => word.TrimStart().StartsWith(name, StringComparison.OrdinalIgnoreCase);

    private static string? FileOf(string[] words, string name) =>
        words.FirstOrDefault(word => Has(word, name))?.TrimStart()[name.Length..].Trim() is not { } file ? null
        : File.Exists(file) ? file
        : throw new ArgumentException($"{name}{file}: there is no such file.", nameof(words));

    private static int PortOf(EndPoint server) => server switch
    {
        DnsEndPoint named => named.Port,
        IPEndPoint numbered => numbered.Port,
        _ => 0,
    };
}
