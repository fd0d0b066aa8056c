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

    /// <summary>
    /// The source's rows are deleted while an attempt's stream could still bring the deletions to the target, which takes them in though
    /// it owns.
    /// </summary>
    CleanWhilePublicationStands,

    /// <summary>0007: the journal is closed without a look whether a crash has brought deleted rows back.</summary>
    FinishWithoutLook,

    /// <summary>0005: cancelling takes the import away whoever's attempt it is by now.</summary>
    ImportCancelIgnoresAttempt,

    /// <summary>0005: cancelling is not bound to the canceller's own attempt at the source.</summary>
    MoveCancelIgnoresAttempt,

    /// <summary>0005: an import that is over can be begun again by who slept since before its end.</summary>
    ImportForgetsItsEnd,

    /// <summary>
    /// An attempt drops the publications of later ones too, and a Postgres that only warns of a missing one (18) skips its changes.
    /// </summary>
    DropsLaterPublications,

    /// <summary>Who slept since before the ring was published publishes without looking at the source again.</summary>
    PublishesWithoutLookingAgain,

    /// <summary>A move back begins while the move there still stands in the journal.</summary>
    MoveBackDuringTheMove,

    /// <summary>
    /// A comparison that failed is repeated by the next mover with a weaker one: rows that the target lacks are not noticed.
    /// </summary>
    RetryComparesOnlyWhatIsThere,

    /// <summary>The target owns without the seal that the source noted at its release.</summary>
    OwnWithoutSeal,

    /// <summary>A source that lost its release thaws and goes on: neither mover nor canceller asks the target first.</summary>
    ThawsAfterLostRelease,

    /// <summary>The release does not wait until the target's streaming standbys have the seal.</summary>
    ReleaseDoesNotWaitForStandbys,

    /// <summary>The target owns before the source's streaming standbys have the release.</summary>
    OwnDoesNotWaitForStandbys,

    /// <summary>The source's rows are deleted before the target's streaming standbys have the ownership.</summary>
    CleanDoesNotWaitForStandbys,

    /// <summary>
    /// A wait for standbys asks whichever server is the primary by then, which knows nothing of what was to be waited for.
    /// </summary>
    WaitsAtWhoeverIsPrimary,

    /// <summary>A person's "the source is right" makes the source the owner before the target has stopped.</summary>
    SettleSourceBeforeTargetStopped,

    /// <summary>The comparison is with the target as it is, not as it was at the hand-over.</summary>
    CompareWithoutBeforeImages,

    /// <summary>The source's rows are deleted without asking whether the target still owns.</summary>
    CleanWithoutAskingTheTarget,

    /// <summary>
    /// A person's "the source is right" leaves a ring alone that names the source already: a mover that slept since before publishes over
    /// it.
    /// </summary>
    PublishBackOnlyIfRingDiffers,

    /// <summary>
    /// A person's "the target is right" is refused where the target takes the slot in for this very batch at a later epoch: a canceller
    /// that slept since before the
    /// target lost its commits began there again, or the person had begun to keep the source's copy.
    /// </summary>
    KeepRefusesItsOwnImport,

    /// <summary>
    /// An attempt that was begun before a source lost commits goes on after it: the number alone says that it is still the current one,
    /// though another attempt, whose word
    /// was lost, has been at the target since.
    /// </summary>
    AttemptOutlivesItsServer,

    /// <summary>
    /// A source that lost commits gives a number again that a lost attempt had: who began that one and slept since takes the import away
    /// from under the new release.
    /// </summary>
    AttemptNumbersAreGivenAgain,

    /// <summary>
    /// A mover that found the slots not given away, and so published nothing, writes down that they are published all the same.
    /// </summary>
    AdvancesWithoutPublishing,

    /// <summary>
    /// A mover that compared before the source lost its release, and slept, writes down that the rows are verified: the writes that the
    /// source took since are not looked at.
    /// </summary>
    AdvanceForgetsWhatWasCompared,

    /// <summary>
    /// After a person's "the source is right" the target still remembers that it came to own by the batch: no import of it can be begun
    /// there again, and so none ended.
    /// </summary>
    GiveBackLeavesTheEnd,

    /// <summary>
    /// A source that was restored to before a move follows the target though the slot has come back to the source since.
    /// </summary>
    FollowsAfterMoveBack,

    /// <summary>A slot is frozen, and then handed over, while a backup point is made.</summary>
    FreezesWhileHeld,

    /// <summary>Rows are compared and the source says so, between the restore points of the target and of the source.</summary>
    VerifiesWhileHeld,

    /// <summary>An import is ended and the journal closed, between the restore points of the target and of the source.</summary>
    FinishesWhileHeld,

    /// <summary>A batch is cancelled, between the restore points of the target and of the source.</summary>
    CancelsWhileHeld,

    /// <summary>A person gives slots back to the source, between the restore points.</summary>
    GivesBackWhileHeld,
}
