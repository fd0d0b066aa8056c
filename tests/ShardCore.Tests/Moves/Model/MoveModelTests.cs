using System.Diagnostics;
using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>Every interleaving of two movers, two writers and a canceller, each of which may stop anywhere for any time or for good.</summary>
public sealed class MoveModelTests(ITestOutputHelper output)
{
    private const int MaxStates = 20_000_000;

    public static TheoryData<KnownBug> Bugs => [.. Enum.GetValues<KnownBug>().Where(bug => bug != KnownBug.None)];

    /// <summary>More of everything: 4 attempts, 2 + 1 writes are 19,006,337 states in 41 s, and hold too.</summary>
    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(2, 2, 1)]
    public void No_interleaving_of_movers_writers_and_canceller_breaks_an_invariant(int attempts, int writesOfA, int writesOfB)
    {
        var clock = Stopwatch.StartNew();
        var search = Search(KnownBug.None, attempts, writesOfA, writesOfB);
        var violation = search.FirstViolation(MaxStates);
        output.WriteLine($"{search.States} states, {search.Transitions} transitions, {clock.Elapsed.TotalSeconds:0.0} s");
        Assert.Null(violation);
        AssertEverythingWasReached(search, attempts, writesOfA, writesOfB);
    }

    private static void AssertEverythingWasReached(StateSearch search, int attempts, int writesOfA, int writesOfB)
    {
        ModelState[] states = [.. search.Reached];
        bool AllWritten(ModelState s) => s.AcknowledgedA == writesOfA && s.AcknowledgedB == writesOfB;
        Assert.Contains(states, s => s is { Phase: null, Target: SlotState.Owned, Cleaned: true } && AllWritten(s) && s.SourceA == writesOfA);
        Assert.Contains(states, s => s is { Phase: null, Target: SlotState.Owned } && AllWritten(s) && s.SourceA == 0); // written at the target
        Assert.Contains(states, s => s is { Phase: null, Source: SlotState.Owned, CancellerStep: CancellerStep.Done, WentBack: false });
        Assert.Contains(states, s => s is { WentBack: true, WasSetBack: true } && AllWritten(s));
        Assert.Contains(states, s => s is { Phase: MovePhase.Verified } && s.Attempt == attempts);
        Assert.Contains(states, s => s.JournalRowIsLocked);
        Assert.All(Enum.GetValues<ModelStep>().Except([ModelStep.Off, ModelStep.FreezeMarked]), step =>
            Assert.Contains(states, s => s.Mover(0) is var first && s.Mover(1) is var second && (first.Step == step || second.Step == step) && first.Step != ModelStep.Off && second.Step != ModelStep.Off));
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_known_bug_is_found(KnownBug bug)
    {
        var search = Search(bug, attempts: 3, writesOfA: 1, writesOfB: 1);
        var violation = search.FirstViolation(MaxStates);
        output.WriteLine($"{search.States} states: {violation}");
        Assert.NotNull(violation);
    }

    private static StateSearch Search(KnownBug bug, int attempts, int writesOfA, int writesOfB) =>
        new(new MoveModel(bug, attempts, [writesOfA, writesOfB]), new Recovery(bug));
}
