using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// What a mover waits for before a step that rests on what a shard has stored. Only standbys that stream are waited for.
/// </summary>
internal sealed class Standbys(KnownBug bug, ModelBounds bounds)
{
    public bool SourceIsLevel(ModelState s) => !bounds.IsStreaming || s.Loss != Loss.ImageOfSource || s.Image == s.AtSource;

    public bool TargetIsLevel(ModelState s) => !bounds.IsStreaming || s.Loss != Loss.ImageOfTarget || s.Image == s.AtTarget;

    public bool HaveSeal(ModelState s) => bug == KnownBug.ReleaseDoesNotWaitForStandbys || TargetIsLevel(s);

    public bool HaveRelease(ModelState s) => bug == KnownBug.OwnDoesNotWaitForStandbys || SourceIsLevel(s);

    public bool HaveOwnership(ModelState s) => bug == KnownBug.CleanDoesNotWaitForStandbys || TargetIsLevel(s);

    /// <summary>The session that waits has read the release first, so the server that it waits at has it.</summary>
    public bool IsReleased(ModelState s, MoverMemory me) => bug == KnownBug.WaitsAtWhoeverIsPrimary
        || (s.Phase == MovePhase.Released && s.Attempt == me.Attempt);
}
