using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace SampleLoader;

/// <summary>A bar on a terminal, about a line a second elsewhere (a log has no use for a bar), and one last line.</summary>
internal sealed class LoadProgress(string collection, Totals totals, long items)
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(1);

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    private double Share => items == 0 ? 1 : (double)totals.All / items;

    private double PerSecond => totals.All / Math.Max(_watch.Elapsed.TotalSeconds, 0.001);

    public async Task ShowWhileAsync(Task work)
    {
        if (AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected)
        {
            await ShowBarAsync(work);
        }
        else
        {
            await ShowLinesAsync(work);
        }

        await work;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{totals.All:N0} {collection}: {totals.Created:N0} created, {totals.AlreadyThere:N0} already there, in {_watch.Elapsed.TotalSeconds:N1} s ({PerSecond:N0} {collection}/s)"));
    }

    private Task ShowBarAsync(Task work) =>
        AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask bar = context.AddTask(collection);
                while (!work.IsCompleted)
                {
                    await Task.WhenAny(work, Task.Delay(BarInterval));
                    bar.Value = Share * 100;
                    bar.Description = $"{Loading.Number(totals.All)} {Markup.Escape(collection)}, {Loading.Number(PerSecond)}/s";
                }
            });

    private async Task ShowLinesAsync(Task work)
    {
        while (!work.IsCompleted)
        {
            await Task.WhenAny(work, Task.Delay(LineInterval));
            if (!work.IsCompleted)
            {
                Console.WriteLine($"  {Loading.Number(totals.All)} {collection} ({Share:P0}), {Loading.Number(PerSecond)}/s");
            }
        }
    }
}
