using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace EndToEnd.Tests;

/// <summary>
/// Clients that write through the proxy without pause: each writes ever-growing numbers to items of its own and reads
/// them back. Remembers what was acknowledged, which must never be lost, and what failed, which mostly must not happen.
/// After a failure a client waits for a moment, as applications do.
/// </summary>
public sealed class AcknowledgedWrites : IAsyncDisposable
{
    private const int Clients = 8;
    private const int KeysPerClient = 16;
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, int> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _attempted = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly HttpClient _client;
    private readonly Task[] _writers;
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly IReadOnlyList<string>? _partitions;
    private readonly Lock _pauses = new();
    private long _requests;
    private long _acknowledgements;
    private long _lastAcknowledged = Stopwatch.GetTimestamp();
    private TimeSpan _longestPause;

    private AcknowledgedWrites(Uri proxy, IReadOnlyList<string>? partitions)
    {
        _partitions = partitions;
        // As applications do: a pool of connections, each used again and again.
        _client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Clients * 2 }) { BaseAddress = proxy, Timeout = TimeSpan.FromSeconds(40) };
        _writers = [.. Enumerable.Range(0, Clients).Select(client => Task.Run(() => WriteAsync(client)))];
    }

    /// <summary>Few items, each in a partition of its own, somewhere; they are written again and again.</summary>
    public static AcknowledgedWrites Begin(Uri proxy) => new(proxy, partitions: null);

    /// <summary>Only in these partitions, and each item once: a later write must not hide that an earlier one is lost.</summary>
    public static AcknowledgedWrites Begin(Uri proxy, IReadOnlyList<string> partitions) => new(proxy, partitions);

    public long Requests => Interlocked.Read(ref _requests);

    public long Acknowledgements => Interlocked.Read(ref _acknowledgements);

    /// <summary>The longest time in which no client's write was acknowledged.</summary>
    public TimeSpan LongestPause
    {
        get
        {
            lock (_pauses)
                return _longestPause;
        }
    }

    /// <summary>Requests that got no success: status or exception, with the time.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writers);
    }

    /// <summary>Compares what is stored with what was acknowledged.</summary>
    /// <returns>A line for each item that is missing, that holds less than was acknowledged, or a value that was never sent.</returns>
    public async Task<IReadOnlyCollection<string>> LostAsync()
    {
        var lost = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(_acknowledged, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (item, _) =>
        {
            var stored = await FindAsync(item.Key);
            if (stored is null || stored < item.Value || stored > _attempted[item.Key])
                lost.Enqueue($"{item.Key}: acknowledged {item.Value}, attempted {_attempted[item.Key]}, stored {stored?.ToString(CultureInfo.InvariantCulture) ?? "nothing"}");
        });
        return lost;
    }

    private async Task WriteAsync(int client)
    {
        for (var number = 1; !_stop.IsCancellationRequested; number++)
        {
            var path = PathOf(client, number);
            _attempted[path] = number;
            Interlocked.Increment(ref _requests);
            try
            {
                using var body = new StringContent(string.Create(CultureInfo.InvariantCulture, $"{{\"number\":{number}}}"), Encoding.UTF8, "application/json");
                using var response = await _client.PutAsync(new Uri(path, UriKind.Relative), body);
                if (!response.IsSuccessStatusCode)
                {
                    await FailedAsync($"PUT {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
                    continue;
                }
                Acknowledged(path, number);
                if (await FindAsync(path) is var stored && stored != number)
                    await FailedAsync($"{path} did not read back {number} but {stored}");
            }
            catch (HttpRequestException e)
            {
                await FailedAsync(e.Message);
            }
        }
    }

    private void Acknowledged(string path, int number)
    {
        _acknowledged[path] = number;
        Interlocked.Increment(ref _acknowledgements);
        lock (_pauses)
        {
            var pause = Stopwatch.GetElapsedTime(_lastAcknowledged);
            _longestPause = pause > _longestPause ? pause : _longestPause;
            _lastAcknowledged = Stopwatch.GetTimestamp();
        }
    }

    private string PathOf(int client, int number) => _partitions is null
        ? string.Create(CultureInfo.InvariantCulture, $"/v1/collections/things/items/{_run}-{client}-{number % KeysPerClient}/item")
        : string.Create(CultureInfo.InvariantCulture, $"/v1/collections/things/items/{_partitions[number % _partitions.Count]}/{_run}-{client}-{number}");

    /// <returns>Null: there is no such item.</returns>
    private async Task<int?> FindAsync(string path)
    {
        Interlocked.Increment(ref _requests);
        using var response = await _client.GetAsync(new Uri(path, UriKind.Relative));
        if (response.StatusCode == HttpStatusCode.NotFound)
            return null;
        if (response.StatusCode != HttpStatusCode.OK)
            throw new HttpRequestException($"GET {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        using var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        return document.RootElement.GetProperty("number").GetInt32();
    }

    private async Task FailedAsync(string what)
    {
        _failures.Enqueue($"{DateTimeOffset.UtcNow:HH:mm:ss.fff} {what}");
        await Task.Delay(Retry);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        _stop.Dispose();
    }
}
