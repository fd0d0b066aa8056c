using ShardCore.Moves.Batches;

namespace ShardAdmin.Rebalancing;

/// <summary>What a batch is doing, in words for people. Journals, JSON and metrics have the names of <see cref="MoveStep"/>.</summary>
internal static class StepWords
{
    public static string Of(MoveStep? step) => step switch
    {
        null => "waits",
        MoveStep.Begin or MoveStep.Import or MoveStep.Publication => "prepares",
        MoveStep.ReplicationSlot => "takes a snapshot",
        MoveStep.Copy => "copies",
        MoveStep.CatchUp => "catches up",
        MoveStep.Freeze or MoveStep.Drain or MoveStep.Release or MoveStep.Own => "hands over",
        MoveStep.Publish => "publishes the ring",
        MoveStep.Verify => "compares",
        _ => "cleans up",
    };
}
