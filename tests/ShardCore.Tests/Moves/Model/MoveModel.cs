namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// All that can happen next, in any state: movers, two writers, a canceller, a person, the surroundings, and one shard's loss of commits.
/// </summary>
internal sealed class MoveModel(KnownBug bug, ModelBounds bounds)
{
    /// <summary>Beyond the movers': what a person's settling begins.</summary>
    private const int PersonsAttempts = 3;

    private readonly MoverProgram _movers = new(bug, bounds);
    private readonly WriterProgram _writers = new(bug, bounds);
    private readonly CancellerProgram _canceller = new(bug, bounds);
    private readonly PersonProgram _person = new(bug, bounds.Attempts + PersonsAttempts);
    private readonly Takeover _takeover = new(bug, bounds);
    private readonly Surroundings _surroundings = new(bug, bounds);

    /// <summary>A batch that was planned; at the target nothing, or a row that an earlier tenancy left.</summary>
    public IEnumerable<ModelState> Starts
    {
        get
        {
            var clean = new ModelState
            {
                Phase = ShardCore.Moves.Batches.MovePhase.Planned,
                Source = SlotState.Owned,
                SourceEpoch = 1,
                MustA = Rows.Of(0, 0),
                MustB = Rows.Of(1, 0)
            };
            yield return clean;
            if (bounds.HasResidue)
                yield return clean with { Target = SlotState.Released, TargetB = Rows.Residue };
        }
    }

    /// <param name="reach">Told who does what, and the state after it.</param>
    public void Next(ModelState state, Action<string, string, ModelState> reach)
    {
        for (var each = 0; each < bounds.Movers; each++)
        {
            var who = each == 0 ? "mover 1" : "mover 2";
            _movers.Next(state, each, (what, next) => Reach(who, what, next));
        }
        _writers.Next(state, 0, (what, next) => Reach("writer A", what, next));
        _writers.Next(state, 1, (what, next) => Reach("writer B", what, next));
        if (bounds.HasCanceller)
            _canceller.Next(state, (what, next) => Reach("canceller", what, next));
        if (bounds.MayLose)
            _person.Next(state, (what, next) => Reach("person", what, next));
        _surroundings.Next(state, (what, next) => reach("", what, next));
        _takeover.Next(state, (what, next) => reach("", what, next));

        void Reach(string who, string what, ModelState next)
        {
            reach(who, what, next);
            if (_takeover.Missed(state, next) is { } missed)
                reach(who, $"{what} (the first that the standby lacks)", missed);
        }
    }
}
