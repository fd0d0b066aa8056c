namespace ShardCore.Tests.Moves.Model;

/// <summary>Ways to get the protocol wrong, each of which the search must find: or it would show nothing.</summary>
public enum KnownBug
{
    None,

    /// <summary>The writer's check looks with a snapshot from before its wait for the lock.</summary>
    LockAndCheckInOneStatement,

    /// <summary>The freeze takes no lock against writers that are inside.</summary>
    FreezeDoesNotWait,

    /// <summary>The position up to which the target must come is taken before the freeze has shut the writers out.</summary>
    MarkerBeforeFreeze,

    /// <summary>The target owns before the source has released.</summary>
    OwnBeforeRelease,

    /// <summary>The release looks at the phase and not at whose attempt it is.</summary>
    ReleaseIgnoresAttempt,

    /// <summary>Who thaws a freeze past its deadline leaves the journal as it is, and the release does not look at the slots.</summary>
    ThawLeavesTheJournal,

    /// <summary>Rows of an attempt that is over are taken in.</summary>
    ImportCheckIgnoresAttempt,

    /// <summary>What stands in the slots at the target is left there before the copy.</summary>
    NoPurge,

    /// <summary>Cleaning does not look whether the slots are still the ones that this move gave away.</summary>
    CleanWithoutRecheck,

    /// <summary>The source's rows are deleted while an attempt's stream could still bring the deletions to the target.</summary>
    CleanWhilePublicationStands,

    /// <summary>0007: the journal is closed without a look whether a crash has brought deleted rows back.</summary>
    FinishWithoutLook,

    /// <summary>0005: cancelling takes the import away whoever's attempt it is by now.</summary>
    ImportCancelIgnoresAttempt,

    /// <summary>0005: cancelling is not bound to the canceller's own attempt at the source.</summary>
    MoveCancelIgnoresAttempt,

    /// <summary>0005: an import that is over can be begun again by who slept since before its end.</summary>
    ImportForgetsItsEnd,

    /// <summary>An attempt drops the publications of later ones too, and a Postgres that only warns of a missing one (18) skips its changes.</summary>
    DropsLaterPublications,

    /// <summary>Who slept since before the ring was published publishes without looking at the source again.</summary>
    PublishesWithoutLookingAgain,

    /// <summary>A move back begins while the move there still stands in the journal.</summary>
    MoveBackDuringTheMove,
}
