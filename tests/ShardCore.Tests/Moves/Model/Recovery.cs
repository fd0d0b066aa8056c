using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// There is always a way on: from what is stored in any state, with every process dead, one mover that nobody disturbs
/// brings the move to its end or to a dispute, and before the release one canceller takes it back, or finds that it cannot be. From a
/// dispute one person brings it to its end, whichever copy he keeps.
/// </summary>
internal sealed class Recovery(KnownBug bug, ModelBounds bounds)
{
    private const int MostAttempts = 7;
    private const int MostSteps = 80;

    private readonly MoverProgram _mover = new(bug, bounds with { Attempts = MostAttempts });
    private readonly CancellerProgram _canceller = new(bug, bounds with { Attempts = MostAttempts });
    private readonly PersonProgram _person = new(bug, MostAttempts);
    private readonly HashSet<ModelState> _recovered = [];

    /// <summary>What one mover comes to that nobody disturbs, with every other process dead.</summary>
    public ModelState Carried(ModelState state) =>
        Run(state.WithoutProcesses, (s, reach) => _mover.Next(s, 0, reach), "move_begin by force");

    /// <returns>What cannot be done; null: nothing.</returns>
    public string? Fails(ModelState state)
    {
        var left = state.WithoutProcesses with { MustA = 0, MustB = 0, LostA = 0, LostB = 0, UsedA = 0, UsedB = 0 };
        if (left.Phase is null || !_recovered.Add(left))
            return null;
        if (left.Disputed)
            return Unsettled(left);
        var carried = Carried(left);
        if (carried.Disputed ? Unsettled(carried) is { } unsettled : !HasMoved(carried))
            return $"a mover alone does not bring it to its end: {carried}";
        if (left.Damaged != 0 && left is { Phase: >= MovePhase.Released, Settled: false } && !carried.Disputed)
            return $"a row was deleted by hand, and nobody notices: {carried}";
        if (!MoveDecision.MayCancel(left.Phase))
            return null;
        var cancelled = Run(left, _canceller.Next, "move_begin");
        var isDone = cancelled is { Phase: null, Source: SlotState.Owned, Target: SlotState.None or SlotState.Released }
            or { Phase: MovePhase.Owned, Target: SlotState.Owned };
        return isDone ? null : $"a canceller alone does not take it back: {cancelled}";
    }

    private string? Unsettled(ModelState disputed)
    {
        var target = Run(disputed, (s, reach) => _person.Next(s, reach), "says that the target is right",
            s => s is { Disputed: false, PersonStep: PersonStep.Idle });
        target = Run(target.WithoutProcesses, (s, reach) => _mover.Next(s, 0, reach), "");
        if (!HasMoved(target))
            return $"a person who keeps the target's copy does not bring it to its end: {target}";
        var source = Run(disputed, (s, reach) => _person.Next(s, reach), "says that the source is right",
            s => s.PersonStep == PersonStep.Finished);
        return source is
        {
            Phase: null, Source: SlotState.Owned, Target: SlotState.None or SlotState.Released, Import: 0,
            Publications: 0
        } ? null
            : $"a person who keeps the source's copy does not bring it to its end: {source}";
    }

    private static bool HasMoved(ModelState s) => s is { Phase: null, Target: SlotState.Owned, Source: SlotState.Released };

    /// <summary>The last of the steps that are offered is the one that leads on; dying, giving up and waiting come before it.</summary>
    /// <param name="choice">Of several ways to begin, the one that is taken.</param>
    private static ModelState Run(
        ModelState state, Action<ModelState, Action<string, ModelState>> next, string choice, Func<ModelState, bool>? isEnd = null)
    {
        for (var step = 0; step < MostSteps && !(isEnd ?? IsOver)(state); step++)
        {
            ModelState? on = null;
            next(state, (what, to) =>
            {
                if (what is "dies" or "is interrupted" or "move_unfreeze" || (what == "freezes" && !IsLevel(state))
                    || (IsChoice(what) && what != choice))
                    return;
                on = to;
            });
            if (on is null)
                return state;
            state = on.Value;
        }
        return state;
    }

    private static bool IsChoice(string what) => what.StartsWith("move_begin", StringComparison.Ordinal)
        || what.StartsWith("says ", StringComparison.Ordinal);

    private static bool IsOver(ModelState s) => s.Phase is null || s.Disputed;

    private static bool IsLevel(ModelState s) => s.Mover(0).AppliedA == s.SourceA && s.Mover(0).AppliedB == s.SourceB;
}
