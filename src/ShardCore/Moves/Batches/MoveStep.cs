namespace ShardCore.Moves.Batches;

/// <summary>The numbered steps of <see cref="BatchMover"/>. Failpoints have the same names.</summary>
public enum MoveStep
{
    Begin = 1,
    Import = 2,
    Publication = 3,
    ReplicationSlot = 4,
    Copy = 5,
    CatchUp = 6,
    Freeze = 7,
    Drain = 8,
    Release = 9,
    Own = 10,
    Publish = 11,
    Verify = 12,
    Clean = 13,
    Finish = 14,
}
