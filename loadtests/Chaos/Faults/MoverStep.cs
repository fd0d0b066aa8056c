using Chaos.Cluster;

namespace Chaos.Faults;

/// <summary>A run of shardadmin that moves slots, and its fault.</summary>
internal abstract record MoverStep(MoverFate Fate) : IChaosStep
{
    /// <summary>The pause before another try. Redis or a shard may be away, and tries without a pause would only use CPU time.</summary>
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(2);

    public abstract string Description { get; }

    public abstract Task RunAsync(ChaosStage stage, CancellationToken cancellation);

    protected async Task<AdminResult> MoveAsync(ChaosStage stage, CancellationToken cancellation, params string[] arguments)
    {
        using var mover = stage.Cluster.Admin(Fate.Failpoint, arguments);
        var end = stage.EndOfAsync(mover, CancellationToken.None);
        if (Fate.Kind is MoverFate.Kill or MoverFate.Sleeps or MoverFate.TakenOver)
        {
            // The time counts from its first line about a batch, because the start of the process takes an unknown time.
            while (!end.IsCompleted && !mover.Written.Contains('#', StringComparison.Ordinal))
                await Task.WhenAny(end, Task.Delay(20, CancellationToken.None));
            await Task.WhenAny(end, Task.Delay(Fate.After, cancellation));
        }
        if (!end.IsCompleted)
            await StrikeAsync(stage, mover, cancellation);
        var result = await end;
        if (Fate.Kind == MoverFate.AtFailpoint && result.ExitCode == AdminResult.Killed)
            stage.Log.Count("mover killed at a failpoint");
        if (result.ExitCode is AdminResult.NotFound or AdminResult.CannotReach)
            await Task.Delay(Away, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stage.Log.Tell("moves", $"  {arguments[0]} ended with {result.ExitCode}{(result.IsDone ? "" : ": " + result.Error)}");
        return result;
    }

    private async Task StrikeAsync(ChaosStage stage, AdminProcess mover, CancellationToken cancellation)
    {
        if (Fate.Kind == MoverFate.Kill)
        {
            stage.Log.Count("killed mover");
            mover.Kill();
        }
        else if (Fate.Kind is MoverFate.Sleeps or MoverFate.TakenOver)
        {
            stage.Log.Count(Fate.Kind == MoverFate.Sleeps ? "stopped mover" : "stopped mover, taken over");
            mover.Stop();
            await Task.Delay(Fate.Sleep, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            // The second mover works while the first one sleeps, and may still work when the first one wakes up.
            var second = Fate.Kind == MoverFate.TakenOver ? stage.AdminAsync(CancellationToken.None, "ops", "resume", "--take-over") : Task.CompletedTask;
            await Task.WhenAny(second, Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None));
            mover.Continue();
            await second;
        }
    }
}
