namespace ShardCore.Moves.Journal;

/// <summary>What people want of a batch that is not finished; a mover hears it within about a second.</summary>
public enum MoveWish
{
    Run,

    /// <summary>Nobody works on it until it is resumed; what was released is completed all the same.</summary>
    Pause,

    /// <summary>It is to be taken back if it was not released.</summary>
    Cancel,
}
