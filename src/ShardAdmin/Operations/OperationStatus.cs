using ShardCore.Moves.Journal;

namespace ShardAdmin.Operations;

/// <summary>A summary of an unfinished operation; <c>ops show</c> has the rest.</summary>
/// <param name="State">disputed (a person has to decide which copy of a batch is right) · running · paused · cancelling · unfinished
/// (nobody works on it)</param>
/// <param name="Batches">The number of unfinished batches.</param>
internal sealed record OperationStatus(Guid Operation, string State, int Batches, int Slots)
{
    public static IReadOnlyList<OperationStatus> Of(IEnumerable<SourcedBatch> unfinished) =>
        [.. unfinished.GroupBy(each => each.Batch.OperationId).Select(same => new OperationStatus(
            same.Key, StateOf([.. same]), same.Count(), same.Sum(each => each.Batch.Slots.Length)))];

    private static string StateOf(SourcedBatch[] batches) =>
        batches.Any(each => each.Batch.Disputed is not null) ? "disputed"
        : batches.Any(each => each.Wanted == MoveWish.Pause) ? "paused"
        : batches.Any(each => each.Wanted == MoveWish.Cancel) ? "cancelling"
        : batches.Any(each => each.IsHeld) ? "running" : "unfinished";
}
