using System.Diagnostics;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// Every interleaving of two movers, two writers and a canceller, each of which may stop anywhere for any time or for good.
/// </summary>
public sealed class MoveModelTests(ITestOutputHelper output)
{
    private const int MaxStates = 20_000_000;

    private static readonly ModelBounds Small = new(2, 1, 1);
    private static readonly ModelBounds Damage = new(2, 1, 1, IsDamaged: true, IsSetBack: false, HasCanceller: false, HasResidue: false);

    public static TheoryData<KnownBug> Bugs => [.. Enum.GetValues<KnownBug>().Where(bug => bug < KnownBug.RetryComparesOnlyWhatIsThere
        && bug != KnownBug.None)];

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(2, 2, 1, Traits = ["Category", "Long"])]
    public void No_interleaving_of_movers_writers_and_canceller_breaks_an_invariant(int attempts, int writesOfA, int writesOfB)
    {
        var search = Search(KnownBug.None, new ModelBounds(attempts, writesOfA, writesOfB), out var violation);
        Assert.Null(violation);
        AssertEverythingWasReached(search, attempts, writesOfA, writesOfB);
    }

    [Fact]
    public void A_row_deleted_at_the_target_by_hand_is_noticed_by_whoever_compares()
    {
        var search = Search(KnownBug.None, Damage, out var violation);
        Assert.Null(violation);
        Assert.Contains(search.Reached, s => s is { Disputed: true, Damaged: not 0, Phase: MovePhase.Published });
        Assert.Contains(search.Reached, s => s is { Phase: null, Source: SlotState.Owned, PersonStep: PersonStep.Finished });
        Assert.Contains(search.Reached, s => s is { Phase: null, Target: SlotState.Owned, WasDamaged: true, MustA: Rows.Absent, UsedA: 0 }); // he kept the damaged copy
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_known_bug_is_found(KnownBug bug)
    {
        Search(bug, Small, out var violation);
        Assert.NotNull(violation);
    }

    private static void AssertEverythingWasReached(StateSearch search, int attempts, int writesOfA, int writesOfB)
    {
        var states = search.Reached;
        bool AllWritten(ModelState s) => s.UsedA == writesOfA && s.UsedB == writesOfB;
        Assert.Contains(states, s => s is { Phase: null, Target: SlotState.Owned, Cleaned: true } && AllWritten(s)
            && s.SourceA == writesOfA);
        Assert.Contains(states, s => s is { Phase: null, Target: SlotState.Owned } && AllWritten(s) && s.SourceA == 0); // written at the target
        Assert.Contains(states, s => s is { Phase: null, Source: SlotState.Owned, CancellerStep: CancellerStep.Done, WentBack: false });
        Assert.Contains(states, s => s is { WentBack: true, WasSetBack: true } && AllWritten(s));
        Assert.Contains(states, s => s is { Phase: MovePhase.Verified } && s.Attempt == attempts);
        Assert.Contains(states, s => s.JournalRowIsLocked);
        Assert.DoesNotContain(states, s => s.Disputed);
        var reached = states.SelectMany(s => (ModelStep[])[s.Mover(0).Step, s.Mover(1).Step]).ToHashSet();
        Assert.Superset(new HashSet<ModelStep>([ModelStep.Copy, ModelStep.OwnAtOnce, ModelStep.Own, ModelStep.LookAgain,
            ModelStep.MarkCompared, ModelStep.FinishMove]), reached);
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
