using System.Text.Json.Serialization;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>One batch of an operation, from its source's journal, or from the history once it is over.</summary>
/// <param name="Phase">planned · copying · frozen · released · owned · published · verified · done · cancelled</param>
/// <param name="Step">What its mover is at (<see cref="ShardCore.Moves.MoveStep"/>); null: not begun, or over.</param>
/// <param name="Wanted">run · pause · cancel</param>
/// <param name="Mover">The process that works on it, or did when it was last seen.</param>
/// <param name="IsHeld">A process has the lock of this operation.</param>
/// <param name="LagMs">From source to target, when last measured.</param>
/// <param name="PauseMs">How long writes to its slots were held; null before the release.</param>
/// <param name="Disputed">Why only a person may go on with it (ops settle); null: nothing is wrong.</param>
/// <param name="Settled">Whose copy a person said is right: source · target; null: it was never disputed.</param>
/// <param name="PlannedBy">Who typed <paramref name="Command"/>.</param>
/// <param name="StartedBy">Who began the last attempt.</param>
/// <param name="SeenAt">When a mover last reported; when it ended, once it is over.</param>
internal sealed record BatchLine(
    Guid Operation, Guid Id, int? Ordinal, string Source, string Target, string Slots, int SlotCount, string Phase, string? Step, string Wanted, string? Mover, bool IsHeld,
    int Attempt, long Rows, long Bytes, long BytesPlanned, long Changes, double? LagMs, double? PauseMs,
    string? Problem, string? Disputed, string? Settled, string? Command, string PlannedBy, string StartedBy, DateTime StartedAt, DateTime SeenAt, double UnseenSeconds)
{
    public bool IsOver => Phase is "done" or "cancelled";

    /// <summary>Moved and compared; at most its old rows are still to be deleted.</summary>
    [JsonIgnore]
    public bool IsFinal => Phase is "verified" or "done";

    /// <summary>Past the point of no return: the target has the slots, or is about to.</summary>
    public bool IsHandedOver => Phase is "released" or "owned" or "published" or "verified" or "done";

    [JsonIgnore]
    public IReadOnlyList<Slot> SlotList => SlotText.Parse(Slots) ?? [];
}
