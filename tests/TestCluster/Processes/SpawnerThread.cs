using System.Collections.Concurrent;
using System.Diagnostics;

namespace TestCluster;

/// <summary>
/// Starts processes from one thread that lives as long as this process. The kernel sends a child its parent-death signal
/// when the <em>thread</em> that made it ends, so a thread-pool thread that is retired would take our servers with it.
/// </summary>
internal static class SpawnerThread
{
    private static readonly BlockingCollection<Action> Work = Begin();

    public static Process Start(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task.GetAwaiter().GetResult(); // milliseconds: a fork
    }

    private static BlockingCollection<Action> Begin()
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in work.GetConsumingEnumerable())
                action();
        })
        { IsBackground = true, Name = "spawner" }.Start();
        return work;
    }
}
