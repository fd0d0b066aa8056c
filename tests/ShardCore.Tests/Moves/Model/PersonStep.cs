namespace ShardCore.Tests.Moves.Model;

/// <summary>Where a person is who settles a disputed batch.</summary>
internal enum PersonStep
{
    Idle,

    // The target's copy is right.
    AskForTarget,
    ImportKeep,
    Settle,

    // The source's copy is right.
    AskForSource,
    GiveBack,
    TakeBack,
    PublishBack,
    DropPublications,
    ImportAgain,
    Purge,
    CancelImport,

    /// <summary>All of it has been done.</summary>
    Finished,
}
