using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Fuzz.Judging;

namespace Fuzz;

/// <summary>A client beside the bad ones, at every door. What it writes it must read again, in time.</summary>
internal sealed class RightRequests(FuzzTarget target, Findings findings)
{
    private const string Collection = "/v1/collections/right";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private int _answered;

    public int Answered => Volatile.Read(ref _answered);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(target.Doors.Select(door => RunAsync(door, stop)));

    private async Task RunAsync(Uri door, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = door, Timeout = Limit };
        if (target.OwnKey is { } key)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        await TryAsync(client, HttpMethod.Put, Collection, "{}");
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var document = string.Create(CultureInfo.InvariantCulture, $"{{\"n\": {number}}}");
            var address = string.Create(CultureInfo.InvariantCulture, $"{Collection}/items/p{number % 16}/at-{door.Port}");
            if (await TryAsync(client, HttpMethod.Put, address, document) && await TryAsync(client, HttpMethod.Get, address, null) is var read && read)
                Interlocked.Increment(ref _answered);
            await Task.Delay(Pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryAsync(HttpClient client, HttpMethod method, string address, string? body)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(address, UriKind.Relative));
            if (body is not null)
                request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await client.SendAsync(request);
            if (response.IsSuccessStatusCode)
                return true;
            findings.Add($"a right {method} got {(int)response.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            findings.Add($"a right {method} got no answer: {e.GetType().Name}");
        }
        return false;
    }
}
