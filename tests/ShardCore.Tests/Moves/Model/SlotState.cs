namespace ShardCore.Tests.Moves.Model;

/// <summary>sharding.slot_ownership.state of the slot; <see cref="None"/>: it has no row.</summary>
internal enum SlotState
{
    None,
    Owned,
    Frozen,
    Released,
    Importing,
}
