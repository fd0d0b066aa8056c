namespace ShardRouter.Consistency;

/// <summary>What a read promises: the header <c>Read-Consistency</c>.</summary>
internal enum ReadConsistency
{
    /// <summary>
    /// The read sees every write that was acknowledged before the request came. The primary answers. This is the default.
    /// </summary>
    Strong,

    /// <summary>
    /// The read sees everything that the session wrote or saw before, as its token tells. A standby that has it answers, or the primary.
    /// </summary>
    Session,

    /// <summary>The read sees some earlier state, but a complete one. Any standby answers, or the primary.</summary>
    Eventual,
}
