namespace ShardCore.Moves.Batches;

/// <summary>How far a batch has come. Only the journal row of the source says so.</summary>
public enum MovePhase
{
    Planned,

    /// <summary>An attempt copies. A crash costs that attempt.</summary>
    Copying,

    /// <summary>Writes to the slots are held while the last changes are applied.</summary>
    Frozen,

    /// <summary>The batch is past the point of no return: the target is the next owner, even if it does not know it yet.</summary>
    Released,

    /// <summary>The target serves; the ring in Redis may not say so yet.</summary>
    Owned,

    Published,

    /// <summary>Both sides were compared, so the source's rows may be deleted.</summary>
    Verified,
}
