using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>
/// Clients that write and read one partition each, without a pause, until they are stopped; every answer is kept with
/// the time at which it was asked for. A PUT has an id of its own, so what was acknowledged can be looked for later.
/// </summary>
internal sealed class ContinuousClient : IAsyncDisposable
{
    private static int _count;

    private readonly string _run = string.Create(CultureInfo.InvariantCulture, $"run{Interlocked.Increment(ref _count)}-");
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Exchange> _exchanges = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Task _work;

    private ContinuousClient(ApiCollection items, IEnumerable<string> partitions) =>
        _work = Task.WhenAll(partitions.Select(pk => Task.Run(() => RunAsync(items, pk))));

    /// <summary>Since the start, on the clock that exchanges are timed by.</summary>
    public TimeSpan Now => _clock.Elapsed;

    public IReadOnlyList<Exchange> Exchanges => [.. _exchanges];

    /// <summary>Starts and waits until every partition has had a successful answer.</summary>
    public static async Task<ContinuousClient> StartAsync(ApiCollection items, params string[] partitions)
    {
        var client = new ContinuousClient(items, partitions);
        await Eventually.ThatAsync(
            () => partitions.All(pk => client._exchanges.Any(exchange => exchange.Pk == pk && exchange.Status == 200)), TimeSpan.FromSeconds(20), "all partitions answer");
        return client;
    }

    public IEnumerable<Exchange> Of(string pk, TimeSpan? since = null) => _exchanges.Where(exchange => exchange.Pk == pk && exchange.AskedAt >= (since ?? TimeSpan.Zero));

    /// <summary>Waits for so many answers more, whatever they are.</summary>
    public async Task AnswersAsync(string pk, int count)
    {
        var since = Now;
        await Eventually.ThatAsync(() => Of(pk, since).Count() >= count, TimeSpan.FromSeconds(60), $"{count} more answers for {pk}");
    }

    /// <summary>Stops and waits for the last answers; throws what a client threw.</summary>
    public async Task<IReadOnlyList<Exchange>> StopAsync()
    {
        await _stop.CancelAsync();
        await _work;
        return Exchanges;
    }

    /// <summary>Stops; every answer must have been a success.</summary>
    public async Task StopWithoutFailureAsync()
    {
        var failed = (await StopAsync()).Where(exchange => !exchange.Succeeded).ToList();
        if (failed.Count > 0)
            Assert.Fail($"{failed.Count} of {Exchanges.Count} requests failed:\n{string.Join('\n', failed.Take(5))}");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync(ApiCollection items, string pk)
    {
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            var id = _run + i.ToString(CultureInfo.InvariantCulture);
            await AskAsync(pk, id, () => items.PutAsync(pk, id, "{}", ("If-None-Match", "*")));
            await AskAsync(pk, null, () => items.GetAsync(pk, _run + "0"));
        }
    }

    private async Task AskAsync(string pk, string? written, Func<Task<ApiReply>> ask)
    {
        var askedAt = Now;
        try
        {
            var reply = await ask();
            _exchanges.Enqueue(new Exchange(pk, written, askedAt, reply.Elapsed, reply.Status, reply.Code, reply["Retry-After"], null));
        }
        catch (HttpRequestException e)
        {
            _exchanges.Enqueue(new Exchange(pk, written, askedAt, Now - askedAt, 0, null, null, e.Message));
            await Task.Delay(TimeSpan.FromMilliseconds(20)); // nobody is there: do not burn the processor
        }
    }
}

/// <param name="Written">The id of a PUT; null: a GET.</param>
/// <param name="Status">0: no answer, and <paramref name="Failure"/> says why.</param>
internal sealed record Exchange(string Pk, string? Written, TimeSpan AskedAt, TimeSpan Took, int Status, string? Code, string? RetryAfter, string? Failure)
{
    public bool Succeeded => Status is 200 or 201;
}
