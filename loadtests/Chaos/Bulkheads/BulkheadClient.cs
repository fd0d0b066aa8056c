using System.Globalization;
using System.Text;

namespace Chaos.Bulkheads;

/// <summary>Sends requests about one partition, one after the other, with every kind of call.</summary>
/// <param name="server">The proxy or a router.</param>
/// <param name="partition">The partition key that the client asks for.</param>
/// <param name="limitSeconds">The Request-Timeout of each request.</param>
internal sealed class BulkheadClient(Uri server, string partition, int limitSeconds)
{
    private const string Collection = "set";
    private const int Kinds = 5;

    /// <param name="pause">The pause between two requests.</param>
    /// <param name="record">Null: the answers are not recorded.</param>
    /// <param name="stop">Ends the client after its present request.</param>
    public async Task RunAsync(TimeSpan pause, AnswerRecord? record, CancellationToken stop)
    {
        using var http = new HttpClient { BaseAddress = server, Timeout = TimeSpan.FromSeconds(15) };
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var at = record?.Now ?? default;
            var status = await StatusAsync(http, i % Kinds);
            record?.Add(at, status);
            await Task.Delay(pause, CancellationToken.None);
        }
    }

    private async Task<int> StatusAsync(HttpClient http, int kind)
    {
        using var request = Request(kind);
        request.Headers.Add("Request-Timeout", limitSeconds.ToString(CultureInfo.InvariantCulture));
        try
        {
            using var answer = await http.SendAsync(request);
            return (int)answer.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return 0;
        }
    }

    private HttpRequestMessage Request(int kind) => kind switch
    {
        0 => new(HttpMethod.Put, Items + "/x") { Content = Json("{}") },
        1 => new(HttpMethod.Get, Items + "/x"),
        2 => new(HttpMethod.Get, Items),
        3 => new(HttpMethod.Post, $"/v1/collections/{Collection}:batchGet") { Content = Json($$"""{"keys":[{"pk":"{{partition}}","id":"x"}]}""") },
        _ => new(HttpMethod.Post, "/v1:transact")
        {
            Content = Json($$"""{"pk":"{{partition}}","ops":[{"op":"put","doc":{},"collection":"{{Collection}}","id":"x"}]}"""),
        },
    };

    private string Items => $"/v1/collections/{Collection}/items/{partition}";

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
