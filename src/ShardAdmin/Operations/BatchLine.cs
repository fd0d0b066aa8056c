using System.Text.Json.Serialization;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Operations;

/// <summary>One batch of an operation: from its source's journal, or, when it is over, from the source's history.</summary>
/// <param name="Phase">planned · copying · frozen · released · owned · published · verified · done · cancelled</param>
/// <param name="Step">The step that its mover is at (<see cref="ShardCore.Moves.Batches.MoveStep"/>); null: not begun, or over.</param>
/// <param name="Wanted">run · pause · cancel</param>
/// <param name="Mover">The process that works on it, or that last worked on it.</param>
/// <param name="IsHeld">True: a process holds the lock of this operation.</param>
/// <param name="LagMs">The lag of the target behind the source, as last measured.</param>
/// <param name="PauseMs">How long writes to its slots were held; null before the release.</param>
/// <param name="Disputed">Why only a person may continue it (ops settle); null: it is not disputed.</param>
/// <param name="Settled">The copy that a person declared right: source · target; null: it was never disputed.</param>
/// <param name="PlannedBy">The person who typed <paramref name="Command"/>.</param>
/// <param name="StartedBy">The person or agent that began the last attempt.</param>
/// <param name="SeenAt">When a mover last reported; when the batch is over: when it ended.</param>
internal sealed record BatchLine(
    Guid Operation, Guid Id, int? Ordinal, string Source, string Target, string Slots, int SlotCount, string Phase, string? Step,
    string Wanted, string? Mover, bool IsHeld, int Attempt, long Rows, long Bytes, long BytesPlanned, long Changes, double? LagMs,
    double? PauseMs, string? Problem, string? Disputed, string? Settled, string? Command, string PlannedBy, string StartedBy,
    DateTime StartedAt, DateTime SeenAt, double UnseenSeconds)
{
    public bool IsOver => Phase is "done" or "cancelled";

    /// <summary>Whether the batch was moved and compared. At most its old rows must still be deleted.</summary>
    [JsonIgnore]
    public bool IsFinal => Phase is "verified" or "done";

    /// <summary>Whether the batch is past the point of no return: the target owns the slots, or will own them.</summary>
    public bool IsHandedOver => Phase is "released" or "owned" or "published" or "verified" or "done";

    [JsonIgnore]
    public IReadOnlyList<Slot> SlotList => SlotText.Parse(Slots) ?? [];
}
