namespace ShardCore.Moves.Journal;

/// <summary>What the journal answers to a mover's report.</summary>
public enum ReportAnswer
{
    Run,
    Pause,
    Cancel,

    /// <summary>Another mover has the batch in hand.</summary>
    Lost,

    /// <summary>The batch is not in the journal any more: finished or cancelled.</summary>
    Gone,
}
