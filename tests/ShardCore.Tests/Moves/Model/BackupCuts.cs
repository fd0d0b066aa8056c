using System.Runtime.InteropServices;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// Every backup point: from each state in which hand-overs can be held and are at rest, everything that can happen while they are, with a
/// restore point of each shard at every moment of that time, in either order. What is restored must fit together.
/// </summary>
internal sealed class BackupCuts(KnownBug bug, ModelBounds bounds)
{
    private readonly MoveModel _model = new(bug, bounds);
    private readonly Recovery _recovery = new(
        KnownBug.None, bounds with { Loses = Loss.ImageOfTarget }); // movers ask what the target still knows
    private readonly HashSet<Node> _seen = [];
    private readonly Queue<Node> _due = [];
    private readonly HashSet<(ulong, ulong)> _restored = [];

    /// <summary>Pairs of databases that can be restored together.</summary>
    public int Restored => _restored.Count;

    public int Nodes => _seen.Count;

    /// <param name="reached">Every state of the model.</param>
    /// <returns>What is wrong with the first that does not fit together; null: all do.</returns>
    public string? FirstMisfit(IEnumerable<ModelState> reached)
    {
        foreach (var state in reached.Where(IsAtRest))
            Add(new Node(state with { HandOversHeld = true }, Point.None, default));
        while (_due.TryDequeue(out var node))
        {
            if (node.Point == Point.None)
            {
                Add(node with { Point = Point.OfSource, Earlier = node.State });
                Add(node with { Point = Point.OfTarget, Earlier = node.State });
            }
            else if (Misfit(node) is { } misfit)
                return misfit;
            _model.Next(node.State, (_, _, next) => Add(node with { State = next }));
        }
        return null;
    }

    /// <summary>No batch is in the middle of a hand-over, and the slot has one owner.</summary>
    private static bool IsAtRest(ModelState s) => s.Phase is not (MovePhase.Frozen or MovePhase.Released) && OwnsSource(s) != OwnsTarget(s);

    private static bool OwnsSource(ModelState s) => s.Source is SlotState.Owned or SlotState.Frozen;

    private static bool OwnsTarget(ModelState s) => s.Target == SlotState.Owned;

    private void Add(Node node)
    {
        // Of the earlier restore point only the shard that it is of matters, and what users counted on then.
        var kept = node.Point switch
        {
            Point.OfSource =>
                new ModelState { MustA = node.Earlier.MustA, MustB = node.Earlier.MustB } with { AtSource = node.Earlier.AtSource },
            Point.OfTarget =>
                new ModelState { MustA = node.Earlier.MustA, MustB = node.Earlier.MustB } with { AtTarget = node.Earlier.AtTarget },
            _ => default,
        };
        node = node with { State = node.State.Canonical, Earlier = kept };
        if (_seen.Add(node))
            _due.Enqueue(node);
    }

    private string? Misfit(Node node)
    {
        var (source, target) = node.Point == Point.OfSource ? (node.Earlier, node.State) : (node.State, node.Earlier);
        var both = node.State with { AtSource = source.AtSource, AtTarget = target.AtTarget };
        if (!_restored.Add((both.AtSource, both.AtTarget)))
            return null;
        if (OwnsSource(both) == OwnsTarget(both))
            return $"{(OwnsSource(both) ? "two owners" : "no owner")}: {both}";
        if (both.WasDamaged)
            return null; // a person has to decide, and may have begun to
        both = both with { RingSaysTarget = OwnsTarget(both) }; // made anew from the shards
        var must = OwnsSource(both) ? source : target;
        var (a, b) = OwnsSource(both) ? (both.SourceRow(0), both.SourceRow(1)) : (both.TargetA, both.TargetB);
        if ((a, b) != (must.MustA, must.MustB))
            return $"the owner lacks what was acknowledged: {both}";
        if (both.Phase is null)
            return both.Import != 0 || both.Target == SlotState.Importing ? $"the journal is closed, and an import stands: {both}" : null;
        var carried = _recovery.Carried(both);
        return both.Disputed ? null
            : carried.Disputed ? $"a mover finds them in dispute: {both}"
            : carried is not { Phase: null, Target: SlotState.Owned } || (carried.TargetA, carried.TargetB) != (a, b)
                ? $"a mover does not bring it to its end: {carried} from {both}"
            : _recovery.Fails(both);
    }

    private enum Point
    {
        None,
        OfSource,
        OfTarget,
    }

    /// <param name="Point">Which shard has its restore point already.</param>
    /// <param name="Earlier">As it was then.</param>
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Node(ModelState State, Point Point, ModelState Earlier);
}
