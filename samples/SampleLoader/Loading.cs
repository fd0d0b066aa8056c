using System.Globalization;
using System.Net.Http.Headers;
using System.Threading.Channels;

namespace SampleLoader;

/// <summary>One reader fills a short queue, some writers empty it: memory is bounded by the queue, not the file.</summary>
internal static class Loading
{
    private const int BatchSize = 100; // the most that batchWrite takes

    public static async Task RunAsync(LoaderOptions options, CancellationToken cancel)
    {
        using var file = new ItemFile(options.File);
        using HttpClient http = Connect(options);
        var totals = new Totals();
        var writer = new BatchWriter(http, options.Collection, totals);
        var progress = new LoadProgress(options.Collection, totals, await file.CountAsync(cancel));

        await writer.CreateCollectionAsync(cancel);
        await progress.ShowWhileAsync(PumpAsync(file, writer, options.Concurrency, cancel));
    }

    private static HttpClient Connect(LoaderOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            // No cookies: the proxy's would keep all of this on one router.
            UseCookies = false,
            // No environment proxy: the service is named by --url, and nothing stands between.
            UseProxy = false,
            MaxConnectionsPerServer = options.Concurrency,
        };
        var root = new Uri(options.Url.AbsoluteUri.TrimEnd('/') + "/");
        var http = new HttpClient(handler) { BaseAddress = root, Timeout = TimeSpan.FromSeconds(60) };
        if (options.ApiKey is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.ApiKey);
        }

        return http;
    }

    private static async Task PumpAsync(ItemFile file, BatchWriter writer, int writers, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var queue = Channel.CreateBounded<IReadOnlyList<string>>(writers * 2);

        Task[] tasks = [ReadAsync(), .. Enumerable.Range(0, writers).Select(_ => WriteAsync())];
        await Task.WhenAll(tasks.Select(StopAllOnFailureAsync));

        async Task ReadAsync()
        {
            await foreach (IReadOnlyList<string> batch in file.ReadBatchesAsync(BatchSize, stop.Token))
            {
                await queue.Writer.WriteAsync(batch, stop.Token);
            }

            queue.Writer.Complete();
        }

        async Task WriteAsync()
        {
            await foreach (IReadOnlyList<string> batch in queue.Reader.ReadAllAsync(stop.Token))
            {
                await writer.WriteAsync(batch, stop.Token);
            }
        }

        // The first failure is the one to report; the cancellations it causes in the others are not.
        async Task StopAllOnFailureAsync(Task task)
        {
            try
            {
                await task;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    public static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
