using System.Diagnostics;
using ShardCore.Moves;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// One shard loses its last commits, once, at every moment and to every earlier moment: a standby takes over, that the movers waited for
/// (it streams) or not, or a backup is restored.
/// </summary>
public sealed class LostCommitsTests(ITestOutputHelper output)
{
    private const int MaxStates = 20_000_000;

    /// <summary>One mover and a canceller.</summary>
    private static readonly ModelBounds WithCanceller = new(2, 1, 1, Movers: 1, IsSetBack: false, HasResidue: false);

    /// <summary>Two movers.</summary>
    private static readonly ModelBounds TwoMovers = new(2, 1, 0, HasCanceller: false, IsSetBack: false, HasResidue: false);

    [Theory]
    [InlineData(true, true, Traits = ["Category", "Long"])]
    [InlineData(false, true)]
    [InlineData(false, false, Traits = ["Category", "Long"])]
    public void A_shard_that_lost_commits_breaks_no_invariant_with_a_canceller(bool atSource, bool isStreaming) =>
        Holds(WithCanceller, atSource, isStreaming);

    [Theory]
    [InlineData(true, true, 1, Traits = ["Category", "Long"])]
    [InlineData(true, false, 1)]
    [InlineData(false, true, 1, Traits = ["Category", "Long"])]
    [InlineData(false, false, 0)] // 1: 10,223,258 states, which hold too
    public void A_shard_that_lost_commits_breaks_no_invariant_with_two_movers(bool atSource, bool isStreaming, int writesOfB) =>
        Holds(TwoMovers with { WritesOfB = writesOfB }, atSource, isStreaming);

    [Fact]
    public void A_source_that_lost_its_release_follows_and_what_it_took_since_is_kept()
    {
        var search = Holds(WithCanceller, atSource: true, isStreaming: false);
        Assert.Contains(search.Reached, s => s is { LostRelease: true, Source: SlotState.Owned, Target: SlotState.Owned }); // both serve, until somebody looks
        Assert.Contains(search.Reached, s => s is { LostRelease: true, Source: SlotState.Released, Phase: null, Target: SlotState.Owned });
        Assert.Contains(search.Reached, s => s is { Strays: not 0, Disputed: true, Cleaned: false });
        Assert.Contains(search.Reached, s => s is { CancellerStep: CancellerStep.Follow });
        Assert.Contains(search.Reached, s => s is { TakenBack: true, PersonStep: PersonStep.Finished, Source: SlotState.Owned });
    }

    [Theory]
    [InlineData(KnownBug.OwnDoesNotWaitForStandbys, true, true)]
    [InlineData(KnownBug.WaitsAtWhoeverIsPrimary, true, true)]
    [InlineData(KnownBug.AttemptNumbersAreGivenAgain, true, true)]
    [InlineData(KnownBug.AttemptOutlivesItsServer, true, true)]
    [InlineData(KnownBug.AttemptOutlivesItsServer, true, false)]
    [InlineData(KnownBug.AdvancesWithoutPublishing, true, false)]
    [InlineData(KnownBug.ThawsAfterLostRelease, true, false)]
    [InlineData(KnownBug.ReleaseDoesNotWaitForStandbys, false, true)]
    [InlineData(KnownBug.CleanDoesNotWaitForStandbys, false, true)]
    [InlineData(KnownBug.WaitsAtWhoeverIsPrimary, false, true)]
    [InlineData(KnownBug.OwnWithoutSeal, false, false)]
    [InlineData(KnownBug.CleanWithoutAskingTheTarget, false, false)]
    [InlineData(KnownBug.KeepRefusesItsOwnImport, false, false)]
    [InlineData(KnownBug.GiveBackLeavesTheEnd, false, false)]
    public void A_known_bug_is_found_with_a_canceller(KnownBug bug, bool atSource, bool isStreaming) =>
        IsFound(bug, Lossy(WithCanceller, atSource, isStreaming));

    [Theory]
    [InlineData(KnownBug.AdvanceForgetsWhatWasCompared, true)]
    [InlineData(KnownBug.PublishBackOnlyIfRingDiffers, false)]
    public void A_known_bug_is_found_with_a_second_mover_that_slept(KnownBug bug, bool atSource) =>
        IsFound(bug, Lossy(TwoMovers, atSource, isStreaming: false));

    [Fact]
    public void A_source_restored_to_before_a_move_whose_slot_has_come_back_is_found() =>
        IsFound(KnownBug.FollowsAfterMoveBack, Lossy(WithCanceller with { HasCanceller = false, IsSetBack = true }, atSource: true,
            isStreaming: false));

    [Theory]
    [InlineData(KnownBug.RetryComparesOnlyWhatIsThere)]
    [InlineData(KnownBug.SettleSourceBeforeTargetStopped)]
    [InlineData(KnownBug.CompareWithoutBeforeImages)]
    public void A_known_bug_of_comparing_and_settling_is_found(KnownBug bug) => IsFound(bug, TwoMovers with { IsDamaged = true });

    private static ModelBounds Lossy(ModelBounds bounds, bool atSource, bool isStreaming) =>
        bounds with { Loses = atSource ? Loss.ImageOfSource : Loss.ImageOfTarget, IsStreaming = isStreaming };

    private StateSearch Holds(ModelBounds bounds, bool atSource, bool isStreaming)
    {
        var search = Search(KnownBug.None, Lossy(bounds, atSource, isStreaming), out var violation);
        Assert.Null(violation);
        var lost = atSource ? Loss.SourceTookOver : Loss.TargetTookOver;
        Assert.Contains(search.Reached, s => s.Loss == lost && s is { Phase: null, Target: SlotState.Owned, Source: SlotState.Released });
        Assert.Contains(search.Reached, s => s.Loss == lost && s is { Phase: MovePhase.Released });
        Assert.Equal(!(atSource && isStreaming), search.Reached.Any(s => s.Disputed));
        return search;
    }

    private void IsFound(KnownBug bug, ModelBounds bounds)
    {
        Search(bug, bounds, out var violation);
        Assert.NotNull(violation);
    }

    private StateSearch Search(KnownBug bug, ModelBounds bounds, out string? violation)
    {
        var clock = Stopwatch.StartNew();
        var search = new StateSearch(new MoveModel(bug, bounds), new Invariants(bounds), new Recovery(bug, bounds));
        violation = search.FirstViolation(MaxStates);
        output.WriteLine($"{search.States} states, {search.Transitions} transitions, {clock.Elapsed.TotalSeconds:0.0} s: {violation}");
        return search;
    }
}
