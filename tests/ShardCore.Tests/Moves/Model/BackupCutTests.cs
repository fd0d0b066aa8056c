using System.Diagnostics;

namespace ShardCore.Tests.Moves.Model;

/// <summary>Backup points at every moment of a move: what is restored fits together, and each step that is held has to be.</summary>
public sealed class BackupCutTests(ITestOutputHelper output)
{
    private const int MaxStates = 20_000_000;

    private static readonly ModelBounds WithCanceller = new(2, 1, 1, Movers: 1, IsSetBack: false);
    private static readonly ModelBounds TwoMovers = new(2, 1, 0, IsSetBack: false); // 1 write of B: 5 million nodes, which hold too
    private static readonly ModelBounds Damage = new(
        2, 1, 0, IsDamaged: true, Movers: 1, IsSetBack: false, HasCanceller: false, HasResidue: false);

    [Fact]
    public void Shards_that_are_restored_to_a_backup_point_fit_together_with_a_canceller() =>
        Assert.Null(FirstMisfit(KnownBug.None, WithCanceller));

    [Fact]
    public void Shards_that_are_restored_to_a_backup_point_fit_together_with_two_movers() =>
        Assert.Null(FirstMisfit(KnownBug.None, TwoMovers));

    [Theory]
    [InlineData(KnownBug.FreezesWhileHeld, "owner")]
    [InlineData(KnownBug.VerifiesWhileHeld, "dispute")]
    [InlineData(KnownBug.FinishesWhileHeld, "an import stands")]
    [InlineData(KnownBug.CancelsWhileHeld, "an import stands")]
    public void A_step_that_is_not_held_is_found(KnownBug bug, string misfit) =>
        Assert.Contains(misfit, FirstMisfit(bug, WithCanceller), StringComparison.Ordinal);

    [Fact]
    public void A_person_who_gives_slots_back_between_the_restore_points_is_found()
    {
        var misfit = FirstMisfit(KnownBug.GivesBackWhileHeld, Damage);
        Assert.Contains("owner", misfit, StringComparison.Ordinal);
    }

    private string? FirstMisfit(KnownBug bug, ModelBounds bounds)
    {
        var clock = Stopwatch.StartNew();
        var search = new StateSearch(new MoveModel(KnownBug.None, bounds), new Invariants(bounds), new Recovery(KnownBug.None, bounds));
        Assert.Null(search.FirstViolation(MaxStates));
        var cuts = new BackupCuts(bug, bounds);
        var misfit = cuts.FirstMisfit(search.Reached);
        output.WriteLine($"{search.States} states, {cuts.Nodes} of them while hand-overs are held, {cuts.Restored} pairs restored, "
            + $"{clock.Elapsed.TotalSeconds:0.0} s: {misfit}");
        return misfit;
    }
}
