namespace ShardCore.Tests.Moves.Model;

/// <summary>Where a write is. It holds the slot's lock from Locked on.</summary>
internal enum WriterStep
{
    Idle,
    LockedAtSource,
    LockedAtTarget,

    /// <summary>Checked and written, not committed.</summary>
    OpenAtSource,
    OpenAtTarget,

    /// <summary>As <see cref="OpenAtSource"/>, having thawed the slot in the same transaction.</summary>
    OpenThawing,

    /// <summary>Only of <see cref="KnownBug.LockAndCheckInOneStatement"/>: found it owned, and waits for the lock.</summary>
    CheckedUnlocked,
}
