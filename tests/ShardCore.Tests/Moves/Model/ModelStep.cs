namespace ShardCore.Tests.Moves.Model;

/// <summary>Where a mover is: what it will do next. Between two of these it can sleep for any time, or die.</summary>
internal enum ModelStep
{
    Off,
    Look,
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
    Release,
    /// <summary>The release has been committed, the stream is still open.</summary>
    Released,
    Own,
    AdvanceOwned,
    ReadRing,
    LookAgain,
    PublishRing,
    AdvancePublished,
    VerifyDropPublications,
    AdvanceVerified,
    Clean,
    FinishDropPublications,
    FinishImport,
    FinishMove,
}
