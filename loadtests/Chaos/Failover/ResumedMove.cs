using System.Text.Json;
using Chaos.Cluster;
using Chaos.Faults;

namespace Chaos.Failover;

/// <summary>A move that continues through all faults, or ends with a message and is resumed until it is complete.</summary>
internal sealed record ResumedMove(MoveSlots Move) : IChaosStep
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2), Pause = TimeSpan.FromSeconds(1);

    public string Description => Move.Description;

    public async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        await Move.RunAsync(stage, cancellation);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var times = 0; await IsUnfinishedAsync(stage) != false; times++)
        {
            if (clock.Elapsed > Limit)
            {
                stage.Log.Surprise($"a move is unfinished after {Limit.TotalSeconds} s of ops resume: {Description}");
                return;
            }
            if (times == 0)
                stage.Log.Count("moves that had to be resumed");
            if (await stage.AdminAsync(CancellationToken.None, "ops", "resume") is { IsDone: false } failed)
                stage.Log.Tell("moves", $"  resume ended with {failed.ExitCode}: {failed.Error}");
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <returns>Null: it is unknown, because a shard is away.</returns>
    private static async Task<bool?> IsUnfinishedAsync(ChaosStage stage)
    {
        var list = await stage.AdminAsync(CancellationToken.None, "ops", "list", "-o", "json");
        if (!list.IsDone)
            return null;
        using var document = JsonDocument.Parse(list.Output);
        return document.RootElement.GetProperty("operations").EnumerateArray().Any(each => each.GetProperty("state").GetString() == "unfinished");
    }
}
