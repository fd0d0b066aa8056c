namespace ShardCore.Tests.Moves.Model;

/// <summary>Where a mover is: what it will do next. Between two of these it can sleep for any time, or die.</summary>
internal enum ModelStep
{
    /// <summary>Nobody works, or somebody is about to look at the journal: he remembers nothing.</summary>
    Off,
    AskWord,
    Follow,
    Begin,
    Import,
    Purge,
    DropPublications,
    CreatePublication,
    OpenStream,
    Copy,
    CatchUp,
    /// <summary>Only of <see cref="KnownBug.MarkerBeforeFreeze"/>.</summary>
    FreezeMarked,
    Drain,
    Seal,
    /// <summary>Until the target's standbys have the seal.</summary>
    WaitForSeal,
    Release,
    /// <summary>The release has been committed, the stream is still open. Until the source's standbys have the release.</summary>
    WaitForRelease,
    OwnAtOnce,
    AdvanceAtOnce,
    /// <summary>As <see cref="WaitForRelease"/>, of a mover that finds the batch released.</summary>
    WaitBeforeOwning,
    Own,
    AdvanceOwned,
    /// <summary>The target refused to own.</summary>
    DisputeReleased,
    AskBeforePublishing,
    ReadRing,
    LookAgain,
    PublishRing,
    AdvancePublished,
    DisputeOwned,
    VerifyDropPublications,
    AskBeforeComparing,
    Compare,
    /// <summary>The rows differ: asks again whether somebody else has compared them.</summary>
    AskAfterDifference,
    DisputePublished,
    MarkCompared,
    AdvanceVerified,
    AskBeforeCleaning,
    /// <summary>Only of <see cref="KnownBug.WaitsAtWhoeverIsPrimary"/>.</summary>
    WaitBeforeCleaning,
    DisputeVerified,
    Clean,
    FinishDropPublications,
    FinishImport,
    FinishMove,
}
