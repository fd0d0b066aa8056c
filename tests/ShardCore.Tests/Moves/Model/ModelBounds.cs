namespace ShardCore.Tests.Moves.Model;

/// <summary>How much happens in a search.</summary>
/// <param name="Attempts">No mover and no canceller begins more.</param>
/// <param name="Loses">The shard that may lose commits, once: <see cref="Loss.ImageOfSource"/> or
/// <see cref="Loss.ImageOfTarget"/>.</param>
/// <param name="IsStreaming">The standby counts as streaming, so steps wait for it. False: it was disconnected, or it is a backup.</param>
/// <param name="IsDamaged">One row is deleted at the target by hand.</param>
/// <param name="Movers">One or two.</param>
/// <param name="HasCanceller">Somebody cancels, once.</param>
/// <param name="IsSetBack">Redis is set back, and the slot moves back in the end.</param>
/// <param name="HasResidue">It begins also with rows at the target that an earlier tenancy left.</param>
internal sealed record ModelBounds(
    int Attempts, int WritesOfA, int WritesOfB, Loss Loses = Loss.None, bool IsStreaming = false, bool IsDamaged = false, int Movers = 2,
        bool HasCanceller = true,
    bool IsSetBack = true, bool HasResidue = true)
{
    /// <summary>
    /// What the target once said of a batch that it owns need not be true any more. Where it is, movers are spared the question.
    /// </summary>
    public bool MayLose => Loses != Loss.None || IsDamaged;

    /// <summary>Above every attempt that a source which lost commits can have forgotten.</summary>
    public int FirstAfterLoss { get; init; } = Attempts + 1;

    public int AttemptsIn(ModelState s) => s.Loss == Loss.SourceTookOver ? Math.Max(Attempts, FirstAfterLoss) : Attempts;

    /// <param name="known">The last attempt that the target knows.</param>
    /// <returns>The least number of the next attempt.</returns>
    public int LeastAttempt(ModelState s, int known, KnownBug bug) =>
        s.Loss == Loss.SourceTookOver && bug != KnownBug.AttemptNumbersAreGivenAgain ? Math.Max(known + 1, FirstAfterLoss) : known + 1;

    public bool MayBegin(ModelState s, int known, KnownBug bug) => Math.Max(s.Attempt + 1, LeastAttempt(s, known, bug)) <= AttemptsIn(s);

    public int WritesOf(int row) => row == 0 ? WritesOfA : WritesOfB;
}
