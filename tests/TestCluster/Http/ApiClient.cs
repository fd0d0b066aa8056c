using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace TestCluster;

/// <summary>Sends requests to the data API exactly as they are written: the target is not normalised, headers are not checked.</summary>
/// <param name="serverLog">What the server logged of late, for a test that fails by an answer that names no cause.</param>
/// <param name="bearer">An API key or a token that every request shows; null: none does.</param>
public sealed class ApiClient(Uri address, Func<string>? serverLog = null, string? bearer = null) : IDisposable
{
    public const string Json = "application/json";

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
    {
        Timeout = TimeSpan.FromSeconds(60),
    };

    public Uri Address => address;

    /// <summary>Headers of every request, beside its own.</summary>
    public (string Name, string Value)[] Headers { get; init; } = [];

    public Task<ApiReply> GetAsync(string target, params (string Name, string Value)[] headers) => SendAsync("GET", target, null, headers);

    public Task<ApiReply> PutAsync(string target, string json, params (string Name, string Value)[] headers) => SendJsonAsync("PUT", target, json, headers);

    public Task<ApiReply> PostAsync(string target, string json, params (string Name, string Value)[] headers) => SendJsonAsync("POST", target, json, headers);

    /// <summary>With Content-Type application/json, unless a header says otherwise.</summary>
    public Task<ApiReply> SendJsonAsync(string method, string target, string json, params (string Name, string Value)[] headers) =>
        SendAsync(
            method, target, Encoding.UTF8.GetBytes(json),
            headers.Any(header => header.Name == "Content-Type") ? headers : [.. headers, ("Content-Type", Json)]);

    /// <param name="target">Path and query, percent-encoded as they shall travel.</param>
    public async Task<ApiReply> SendAsync(string method, string target, byte[]? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(method),
            new Uri(address.GetLeftPart(UriPartial.Authority) + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        if (bearer is not null)
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        foreach (var (name, value) in Headers.Concat(headers))
            if (!request.Headers.TryAddWithoutValidation(name, value))
                (request.Content ??= new ByteArrayContent([])).Headers.TryAddWithoutValidation(name, value);

        var clock = Stopwatch.StartNew();
        using var response = await _http.SendAsync(request);
        var content = await response.Content.ReadAsByteArrayAsync();
        return new ApiReply((int)response.StatusCode, Fields(response.Headers, response.Content.Headers), content, clock.Elapsed) { ServerLog = serverLog };
    }

    public void Dispose() => _http.Dispose();

    private static Dictionary<string, string> Fields(params HttpHeaders[] headers) => headers
        .SelectMany(each => each.NonValidated)
        .ToDictionary(field => field.Key, field => string.Join(", ", (IEnumerable<string>)field.Value), StringComparer.OrdinalIgnoreCase);
}
