using LoadTests.Chaos.Cluster;

namespace LoadTests.Chaos.Faults;

/// <summary>A run of shardadmin that moves slots, and what happens to it meanwhile.</summary>
internal abstract record MoverStep(MoverFate Fate) : IChaosStep
{
    public abstract string Description { get; }

    public abstract Task RunAsync(ChaosStage stage, CancellationToken cancellation);

    protected async Task<AdminResult> MoveAsync(ChaosStage stage, CancellationToken cancellation, params string[] arguments)
    {
        using var mover = stage.Cluster.Admin(Fate.Failpoint, arguments);
        var end = stage.EndOfAsync(mover, CancellationToken.None);
        if (Fate.Kind is MoverFate.Kill or MoverFate.Sleeps or MoverFate.TakenOver)
            await Task.WhenAny(end, Task.Delay(Fate.After, cancellation));
        if (!end.IsCompleted)
            await StrikeAsync(stage, mover, cancellation);
        var result = await end;
        if (Fate.Kind == MoverFate.AtFailpoint && result.ExitCode == AdminResult.Killed)
            stage.Log.Count("mover killed at a failpoint");
        stage.Log.Tell("moves", $"  {arguments[0]} ended with {result.ExitCode}{(result.IsDone ? "" : ": " + LastLine(result))}");
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
            // The second one works while the first sleeps, and may still when that one wakes up.
            var second = Fate.Kind == MoverFate.TakenOver ? stage.AdminAsync(CancellationToken.None, "ops", "resume", "--take-over") : Task.CompletedTask;
            await Task.WhenAny(second, Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None));
            mover.Continue();
            await second;
        }
    }

    private static string LastLine(AdminResult result) => result.Errors.TrimEnd().Split('\n')[^1].Trim() is { Length: > 0 } line ? line : result.Output.TrimEnd().Split('\n')[^1].Trim();
}
