using System.Diagnostics;
using LoadTests.Chaos.Cluster;

namespace LoadTests.Chaos.Matrix;

/// <summary>A shardadmin that stops itself at a step, so that something can be done to it there.</summary>
/// <param name="step">For messages.</param>
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

    /// <summary>It goes on to whatever end it comes to.</summary>
    public async Task<AdminResult> EndAsync(CancellationToken cancellation)
    {
        // Not once: where the fault makes it begin the batch again it comes to the step again, and stops itself there too.
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
