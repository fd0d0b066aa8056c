using System.Diagnostics;
using Chaos.Cluster;

namespace Chaos.Matrix;

/// <summary>A shardadmin that stops itself at a step, where a fault can then be made.</summary>
/// <param name="step">The name of the step, for messages.</param>
internal sealed class HeldMover(AdminProcess mover, string step) : IDisposable
{
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(120);

    /// <summary>Waits until it has stopped itself.</summary>
    public async Task StoppedAsync(CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); !mover.IsStopped; await Task.Delay(10, cancellation))
        {
            if (mover.HasExited)
                throw new InvalidOperationException($"The mover did not come to {step}: {await mover.WaitAsync(cancellation)}");
            if (clock.Elapsed > StepLimit)
                throw new InvalidOperationException($"The mover did not come to {step}, it still works: {mover.Written}");
        }
    }

    public void GoOn() => mover.Continue();

    /// <summary>Continues it, and waits for its end.</summary>
    public async Task<AdminResult> EndAsync(CancellationToken cancellation)
    {
        // Continue it repeatedly: if it begins the batch again because of the fault, it stops itself at the step again.
        for (var clock = Stopwatch.StartNew(); !mover.HasExited; await Task.Delay(10, cancellation)) // writes may be held meanwhile
        {
            if (clock.Elapsed > StepLimit)
                throw new InvalidOperationException($"The mover that went on at {step} did not end: {mover.Written}");
            if (mover.IsStopped)
                mover.Continue();
        }
        return await mover.WaitAsync(cancellation);
    }

    public void Dispose() => mover.Dispose();
}
