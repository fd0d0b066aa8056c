namespace ShardRouter.Consistency;

/// <summary>What a read promises: the header <c>Read-Consistency</c>.</summary>
internal enum ReadConsistency
{
    /// <summary>All that was acknowledged before the request came: from the primary. Without the header it is this one.</summary>
    Strong,

    /// <summary>All that the session wrote or saw before, as its token tells: from a standby that has it, or from the primary.</summary>
    Session,

    /// <summary>Some earlier state, whole: from any standby, or from the primary.</summary>
    Eventual,
}
