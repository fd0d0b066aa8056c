namespace ShardCore.Moves;

/// <summary>How far a batch has come; the journal row of the source says so, and it alone.</summary>
public enum MovePhase
{
    Planned,

    /// <summary>An attempt copies; a crash costs that attempt.</summary>
    Copying,

    /// <summary>Writes to the slots are held while the last changes are brought over.</summary>
    Frozen,

    /// <summary>Past the point of no return: the target is the owner, whether it knows it yet or not.</summary>
    Released,

    /// <summary>The target serves; the ring in Redis may not say so yet.</summary>
    Owned,

    Published,

    /// <summary>Both sides were compared; the source's rows may go.</summary>
    Verified,
}
