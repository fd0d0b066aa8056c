using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace SampleLoader;

/// <summary>
/// Sends batches of puts, each with If-None-Match: * — so a put that is sent twice creates once, and everything
/// that may pass (503, 429, 504, a lost connection) can be tried again without asking what became of it.
/// </summary>
internal sealed class BatchWriter(HttpClient http, string collection, Totals totals)
{
    private const int MaxAttempts = 10;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    public async Task CreateCollectionAsync(CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            using var body = new StringContent("{}", Json);
            Answer answer = await SendAsync(HttpMethod.Put, $"v1/collections/{collection}", body, attempt, cancel);
            if (answer.Status is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent)
            {
                return;
            }

            await PauseOrFailAsync(answer, attempt, $"creating the collection {collection}", cancel);
        }
    }

    /// <summary>Returns when every line is in the service.</summary>
    public async Task WriteAsync(IReadOnlyList<string> lines, CancellationToken cancel)
    {
        for (int attempt = 1; lines.Count > 0; attempt++)
        {
            using var body = new StringContent(ToRequest(lines), Json);
            Answer answer = await SendAsync(
                HttpMethod.Post, $"v1/collections/{collection}:batchWrite", body, attempt, cancel);
            if (answer.Status is HttpStatusCode.OK or HttpStatusCode.MultiStatus)
            {
                (lines, answer) = Sort(lines, answer);
                if (lines.Count == 0)
                {
                    return;
                }
            }

            await PauseOrFailAsync(answer, attempt, $"writing {lines.Count} items", cancel);
        }
    }

    private static string ToRequest(IReadOnlyList<string> lines)
    {
        var request = new StringBuilder("{\"ops\":[");
        for (int i = 0; i < lines.Count; i++)
        {
            request.Append(i == 0 ? "" : ",").Append("{\"op\":\"put\",\"ifNoneMatch\":\"*\",").Append(lines[i].AsSpan(1));
        }

        return request.Append("]}").ToString();
    }

    /// <summary>Counts what is done; what is left is to be sent again, for the reason in the answer returned with it.</summary>
    private (List<string> Left, Answer Why) Sort(IReadOnlyList<string> lines, Answer answer)
    {
        using JsonDocument document = JsonDocument.Parse(answer.Body);
        JsonElement results = document.RootElement.GetProperty("results");
        if (results.GetArrayLength() != lines.Count)
        {
            throw new LoadFailedException($"{lines.Count} operations were sent, {results.GetArrayLength()} answered");
        }

        var left = new List<string>();
        int i = 0;
        foreach (JsonElement result in results.EnumerateArray())
        {
            var status = (HttpStatusCode)result.GetProperty("status").GetInt32();
            switch (status)
            {
                case HttpStatusCode.Created or HttpStatusCode.OK:
                    totals.AddCreated();
                    break;
                case HttpStatusCode.PreconditionFailed:
                    totals.AddAlreadyThere();
                    break;
                default:
                    left.Add(lines[i]);
                    answer = answer with { Status = status, Body = result.GetRawText() };
                    if (!answer.MayPass)
                    {
                        throw new LoadFailedException($"refused: {result.GetRawText()} for {lines[i]}");
                    }

                    break;
            }

            i++;
        }

        return (left, answer);
    }

    private async Task<Answer> SendAsync(
        HttpMethod method, string path, HttpContent body, int attempt, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = body };
            using HttpResponseMessage response = await http.SendAsync(request, cancel);
            string text = await response.Content.ReadAsStringAsync(cancel);
            return new Answer(response.StatusCode, text, response.Headers.RetryAfter?.Delta);
        }
        catch (Exception e) when (attempt < MaxAttempts && IsLostConnection(e, cancel))
        {
            return new Answer(HttpStatusCode.ServiceUnavailable, e.Message, RetryAfter: null);
        }
        catch (Exception e) when (IsLostConnection(e, cancel))
        {
            throw new LoadFailedException($"no answer from {http.BaseAddress}: {e.Message}");
        }
    }

    // An HttpClient timeout also arrives as a cancellation, though nobody cancelled.
    private static bool IsLostConnection(Exception e, CancellationToken cancel) =>
        e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    private static async Task PauseOrFailAsync(Answer answer, int attempt, string doing, CancellationToken cancel)
    {
        if (!answer.MayPass || attempt >= MaxAttempts)
        {
            string tried = attempt == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" after {attempt} attempts");
            throw new LoadFailedException($"{doing} failed with {(int)answer.Status}{tried}: {answer.Body}");
        }

        TimeSpan pause = answer.RetryAfter ?? FirstPause * Math.Pow(2, attempt - 1);
        await Task.Delay(pause < LongestPause ? pause : LongestPause, cancel);
    }

    private readonly record struct Answer(HttpStatusCode Status, string Body, TimeSpan? RetryAfter)
    {
        public bool MayPass => Status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests
            or HttpStatusCode.GatewayTimeout or HttpStatusCode.BadGateway or HttpStatusCode.RequestTimeout;
    }
}
