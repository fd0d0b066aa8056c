using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Chaos.Recording;
using Workbench;

namespace Chaos.Workloads;

/// <summary>Sends requests: most through the proxy, some directly to a router, like a client that does not use the proxy.</summary>
/// <param name="surprises">Gets every answer that no fault explains.</param>
internal sealed class ApiCaller(Uri proxy, IReadOnlyList<Uri> routers, Action<string> surprises) : IDisposable
{
    /// <summary>Longer than the router's default deadline of 5 s: usually the router answers first, and its answer says more.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(7);

    private const double DirectShare = 0.25;

    private readonly ConcurrentDictionary<Uri, ConcurrentBag<ApiConnection>> _idle = new();

    /// <param name="random">Chooses the route.</param>
    public async Task<ApiAnswer> SendAsync(Random random, string method, string path, string? body, params (string Name, string Value)[] headers)
    {
        var server = random.NextDouble() < DirectShare ? routers[random.Next(routers.Count)] : proxy;
        var answer = await SendAsync(server, Encode(method, path, body, headers));
        Examine(answer, $"{method} {path}");
        return answer;
    }

    /// <summary>Reports an answer that no fault explains.</summary>
    public void Examine(ApiAnswer answer, string request)
    {
        if (answer.Status is 400 or 409 or 413 or 415 or 422 or 431 or 500 || (answer.Status == 404 && !answer.IsItemNotFound))
            Surprise($"{request} by {answer.Route}: {answer.Status} {Encoding.UTF8.GetString(answer.Body)}");
    }

    public void Surprise(string what) => surprises(what);

    public void Dispose()
    {
        foreach (var connection in _idle.Values.SelectMany(idle => idle))
            connection.Dispose();
    }

    private async Task<ApiAnswer> SendAsync(Uri server, byte[] request)
    {
        var route = server == proxy ? "proxy" : string.Create(CultureInfo.InvariantCulture, $":{server.Port}");
        using var limit = new CancellationTokenSource(Limit);
        var idle = _idle.GetOrAdd(server, _ => []);
        if (!idle.TryTake(out var connection))
        {
            connection = new ApiConnection(server);
            try
            {
                await connection.OpenAsync(limit.Token);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                connection.Dispose();
                return new ApiAnswer(0, null, Encoding.UTF8.GetBytes($"no connection: {e.Message}"), route) { Outcome = OperationOutcome.Fail };
            }
        }
        try
        {
            var (status, version, body) = await connection.ExchangeAsync(request, limit.Token);
            if (connection.IsReusable)
                idle.Add(connection);
            else
                connection.Dispose();
            return new ApiAnswer(status, version, body, route) { Outcome = ApiAnswer.OutcomeOf(status, body) };
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or WrongAnswerException)
        {
            connection.Dispose();
            return new ApiAnswer(0, null, Encoding.UTF8.GetBytes(e.Message), route) { Outcome = OperationOutcome.Unknown };
        }
    }

    private static byte[] Encode(string method, string path, string? body, (string Name, string Value)[] headers)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{method} {path} HTTP/1.1\r\nHost: chaos\r\n");
        foreach (var (name, value) in headers)
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        if (body is not null)
            text.Append(CultureInfo.InvariantCulture, $"Content-Type: {(method == "PATCH" ? "application/merge-patch+json" : "application/json")}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n");
        return Encoding.UTF8.GetBytes(text.Append("\r\n").Append(body).ToString());
    }
}
