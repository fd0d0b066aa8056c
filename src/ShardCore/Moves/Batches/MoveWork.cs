namespace ShardCore.Moves.Batches;

/// <summary>The next work to do for a batch; see <see cref="MoveDecision"/>.</summary>
internal enum MoveWork
{
    /// <summary>Nothing: the batch is not in the journal, so it was finished or cancelled.</summary>
    Nothing,

    /// <summary>Stop: a person has to say which copy is right.</summary>
    Stop,

    /// <summary>Begin a new attempt, bring the rows over, freeze, drain, release.</summary>
    CopyAndRelease,

    /// <summary>Make the target the owner.</summary>
    Own,

    /// <summary>Publish the ring.</summary>
    Publish,

    /// <summary>Compare both sides.</summary>
    Verify,

    /// <summary>Delete the source's rows and close the journal.</summary>
    CleanAndFinish,
}
