using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace SampleLoader;

/// <summary>What the command line says.</summary>
/// <param name="Url">A router or the proxy in front of them.</param>
/// <param name="File">Gzipped NDJSON, a line {"pk","id","doc"}.</param>
/// <param name="Collection">Made if it does not exist.</param>
/// <param name="Concurrency">Requests under way at once, 1…64.</param>
/// <param name="ApiKey">From the environment: whoever lists processes sees their arguments. Null: none.</param>
internal sealed record LoaderOptions(Uri Url, string File, string Collection, int Concurrency, string? ApiKey)
{
    private const string Usage = """
        Loads sample items through the HTTP API. Running it again changes nothing.

          SampleLoader --url http://127.0.0.1:8080 [--file samples/cities.ndjson.gz]
                       [--collection cities] [--concurrency 8]

        The API key is in SHARDING_API_KEY; it needs items:write and collections:admin.
        """;

    public static bool TryParse(
        string[] args, [NotNullWhen(true)] out LoaderOptions? options, out string message)
    {
        options = null;
        Uri? url = null;
        string file = "samples/cities.ndjson.gz";
        string collection = "cities";
        int concurrency = 8;

        for (int i = 0; i < args.Length; i += 2)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            bool understood = (args[i], value) switch
            {
                ("--url", not null) => Uri.TryCreate(value, UriKind.Absolute, out url) && url.Scheme is "http" or "https",
                ("--file", not null) => (file = value).Length > 0,
                ("--collection", not null) => (collection = value).Length > 0,
                ("--concurrency", not null) => int.TryParse(value, CultureInfo.InvariantCulture, out concurrency)
                    && concurrency is >= 1 and <= 64,
                _ => false,
            };
            if (!understood)
            {
                message = args[i] is "--help" or "-h" ? Usage : $"SampleLoader: not understood: {args[i]} {value}\n\n{Usage}";
                return false;
            }
        }

        if (url is null)
        {
            message = $"SampleLoader: --url is missing\n\n{Usage}";
            return false;
        }

        string? apiKey = Environment.GetEnvironmentVariable("SHARDING_API_KEY");
        options = new LoaderOptions(url, file, collection, concurrency, apiKey is "" ? null : apiKey);
        message = "";
        return true;
    }
}
