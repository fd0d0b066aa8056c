using System.Diagnostics;
using Xunit;

namespace TestCluster;

/// <summary>Waits for a condition instead of sleeping.</summary>
public static class Eventually
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    /// <param name="condition">May throw while it does not hold yet.</param>
    /// <param name="awaited">What was awaited, for the message: "the router is ready".</param>
    public static async Task ThatAsync(Func<Task<bool>> condition, TimeSpan limit, string awaited)
    {
        var clock = Stopwatch.StartNew();
        var pause = TimeSpan.FromMilliseconds(2);
        while (true)
        {
            Exception? problem = null;
            try
            {
                if (await condition())
                    return;
            }
            catch (Exception e)
            {
                problem = e;
            }
            if (clock.Elapsed >= limit)
                Assert.Fail($"Waited {limit.TotalSeconds:0.#} s in vain: {awaited}.{(problem is null ? "" : " Last: " + problem.Message)}");
            await Task.Delay(pause);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    public static Task ThatAsync(Func<bool> condition, TimeSpan limit, string awaited) =>
        ThatAsync(() => Task.FromResult(condition()), limit, awaited);
}
