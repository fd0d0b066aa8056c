using ShardCore.Moves.Batches;
using ShardCore.Ring;

namespace ShardCore.Moves.Journal;

/// <summary>
/// A row of <c>sharding.move</c>. It has properties because Dapper would need a constructor with exact types, and an array column is only
/// typed "array".
/// </summary>
internal class JournalRow
{
    public const string Columns = """
        move_id as Id, operation_id as OperationId, ordinal as Ordinal, target as Target, slots as Slots,
        phase as Phase, attempt as Attempt, epoch as Epoch, version_floor as VersionFloor, seal as Seal,
        disputed as Disputed, settled as Settled,
        planned_in <> sharding.history() as IsOfOtherHistory
        """;

    public Guid Id { get; init; }
    public Guid OperationId { get; init; }
    public int Ordinal { get; init; }
    public string Target { get; init; } = "";
    public short[] Slots { get; init; } = [];
    public string Phase { get; init; } = "";
    public int Attempt { get; init; }
    public long? Epoch { get; init; }
    public long? VersionFloor { get; init; }
    public byte[]? Seal { get; init; }
    public string? Disputed { get; init; }
    public string? Settled { get; init; }
    public bool IsOfOtherHistory { get; init; }

    public MoveBatch ToBatch() => new(
        Id, OperationId, Ordinal, new ShardId(Target), [.. Slots.Select(slot => new Slot(slot))],
        Enum.Parse<MovePhase>(Phase, ignoreCase: true),
        Attempt, Epoch is { } epoch ? new Epoch(epoch) : null, VersionFloor)
    { Seal = Seal, Disputed = Disputed, IsSettled = Settled == "target", IsOfOtherHistory = IsOfOtherHistory };
}
