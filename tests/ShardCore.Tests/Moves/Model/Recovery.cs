using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// There is always a way on: from what is stored in any state, with every process dead, one mover that nobody disturbs
/// brings the move to its end, and before the release one canceller takes it back.
/// </summary>
internal sealed class Recovery(KnownBug bug)
{
    private const int MostAttempts = 7;
    private const int MostSteps = 80;

    private readonly MoverProgram _mover = new(bug, MostAttempts);
    private readonly CancellerProgram _canceller = new(bug, MostAttempts);
    private readonly HashSet<ulong> _recovered = [];

    /// <returns>What cannot be done; null: nothing.</returns>
    public string? Fails(ModelState state)
    {
        var left = state.WithoutProcesses;
        if (left.Phase is null || !_recovered.Add(left.Stored))
            return null;
        var finished = Run(left, (s, reach) => _mover.Next(s, 0, reach), "move_begin by force");
        if (finished is not { Phase: null, Target: SlotState.Owned, Source: SlotState.Released })
            return $"a mover alone does not bring it to its end: {finished}";
        if (!MoveDecision.MayCancel(left.Phase))
            return null;
        var cancelled = Run(left, _canceller.Next, "move_begin");
        return cancelled is { Phase: null, Source: SlotState.Owned, Target: SlotState.None or SlotState.Released } ? null : $"a canceller alone does not take it back: {cancelled}";
    }

    /// <summary>The last of the steps that are offered is the one that leads on; dying, giving up and waiting come before it.</summary>
    private static ModelState Run(ModelState state, Action<ModelState, Action<string, ModelState>> next, string begin)
    {
        for (var step = 0; step < MostSteps && state.Phase is not null; step++)
        {
            ModelState? on = null;
            next(state, (what, to) =>
            {
                if (what is "dies" or "move_unfreeze" || (what == "freezes" && !IsLevel(state)) || (what.StartsWith("move_begin", StringComparison.Ordinal) && what != begin))
                    return;
                on = to;
            });
            if (on is null)
                return state;
            state = on.Value;
        }
        return state;
    }

    private static bool IsLevel(ModelState s) => s.Mover(0).AppliedA == s.SourceA && s.Mover(0).AppliedB == s.SourceB;
}
