using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Chaos.Failover;

/// <summary>
/// Clients that write to one shard without pause, in a partition that no move touches, each item once. They show when writes stop, how long
/// writes to other shards take, and which acknowledged writes are lost.
/// </summary>
internal sealed class ShardProbe : IAsyncDisposable
{
    public const string Collection = "probe";

    private const int Clients = 4; // while one waits for an answer of a dead host, the others may still get answers

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    private readonly ConcurrentQueue<ProbeWrite> _writes = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _work;
    private readonly Func<long> _now;

    /// <param name="ways">The proxy and routers.</param>
    /// <param name="now">The recorder's clock.</param>
    public ShardProbe(string shard, string key, IReadOnlyList<Uri> ways, Func<long> now)
    {
        (Shard, Key, _now) = (shard, key, now);
        _work = [.. Enumerable.Range(0, Clients).Select(client => WriteAsync(client, ways[client % ways.Count]))];
    }

    public string Shard { get; }

    /// <summary>The partition.</summary>
    public string Key { get; }

    public IReadOnlyList<ProbeWrite> Writes => [.. _writes];

    /// <summary>Stops the clients. When it returns, all writes have ended.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_work);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task WriteAsync(int client, Uri way)
    {
        using var http = new HttpClient { BaseAddress = way, Timeout = TimeSpan.FromSeconds(7) };
        http.DefaultRequestHeaders.Add("Request-Timeout", "1");
        for (var number = 1; !_stop.IsCancellationRequested; number++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{client}-{number}");
            var at = _now();
            var status = await StatusAsync(http, new Uri($"/v1/collections/{Collection}/items/{Key}/{id}", UriKind.Relative));
            _writes.Enqueue(new ProbeWrite(id, at, _now(), status));
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    private static async Task<int> StatusAsync(HttpClient http, Uri path)
    {
        try
        {
            using var body = new StringContent("{}", Encoding.UTF8, "application/json");
            using var answer = await http.PutAsync(path, body);
            return (int)answer.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return 0;
        }
    }
}
