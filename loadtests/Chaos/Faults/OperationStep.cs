using System.Text.Json;
using Chaos.Cluster;

namespace Chaos.Faults;

/// <summary>Continues all unfinished operations, or cancels one of them.</summary>
internal sealed record OperationStep(bool Cancels, bool TakesOver) : IChaosStep
{
    public string Description => Cancels ? "ops cancel" : TakesOver ? "ops resume --take-over" : "ops resume";

    public async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        var result = Cancels ? await CancelAsync(stage, cancellation) : await stage.AdminAsync(cancellation, ["ops", "resume", .. (string[])(TakesOver ? ["--take-over"] : [])]);
        if (result is { IsDone: true })
            stage.Log.Count(Cancels ? "operations cancelled" : "operations resumed");
    }

    private static async Task<AdminResult?> CancelAsync(ChaosStage stage, CancellationToken cancellation)
    {
        var list = await stage.AdminAsync(cancellation, "ops", "list", "-o", "json");
        if (!list.IsDone)
            return list;
        using var document = JsonDocument.Parse(list.Output);
        return document.RootElement.GetProperty("operations").EnumerateArray()
            .FirstOrDefault(operation => operation.GetProperty("state").GetString() == "unfinished") is { ValueKind: JsonValueKind.Object } unfinished
            ? await stage.AdminAsync(cancellation, "ops", "cancel", unfinished.GetProperty("id").GetString()!)
            : null;
    }
}
