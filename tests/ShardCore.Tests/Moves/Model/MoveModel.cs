namespace ShardCore.Tests.Moves.Model;

/// <summary>All that can happen next, in any state: two movers, two writers, a canceller, and the surroundings.</summary>
internal sealed class MoveModel(KnownBug bug, int maxAttempts, int[] writes)
{
    private readonly MoverProgram _movers = new(bug, maxAttempts);
    private readonly WriterProgram _writers = new(bug, maxAttempts, writes);
    private readonly CancellerProgram _canceller = new(bug, maxAttempts);
    private readonly Surroundings _surroundings = new(bug);

    /// <summary>A batch that was planned; at the target nothing, or a row that an earlier tenancy left.</summary>
    public static IEnumerable<ModelState> Starts
    {
        get
        {
            var clean = new ModelState { Phase = ShardCore.Moves.MovePhase.Planned, Source = SlotState.Owned, SourceEpoch = 1 };
            yield return clean;
            yield return clean with { Target = SlotState.Released, TargetB = Rows.Residue };
        }
    }

    /// <param name="reach">Told who does what, and the state after it.</param>
    public void Next(ModelState state, Action<string, string, ModelState> reach)
    {
        _movers.Next(state, 0, (what, next) => reach("mover 1", what, next));
        _movers.Next(state, 1, (what, next) => reach("mover 2", what, next));
        _writers.Next(state, 0, (what, next) => reach("writer A", what, next));
        _writers.Next(state, 1, (what, next) => reach("writer B", what, next));
        _canceller.Next(state, (what, next) => reach("canceller", what, next));
        _surroundings.Next(state, (what, next) => reach("", what, next));
    }
}
