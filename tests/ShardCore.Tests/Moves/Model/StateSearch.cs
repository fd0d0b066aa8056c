using System.Text;

namespace ShardCore.Tests.Moves.Model;

/// <summary>Breadth first over every state that can be reached, so the first violation found has one of the shortest stories.</summary>
internal sealed class StateSearch(MoveModel model, Recovery recovery)
{
    private readonly Dictionary<ModelState, int> _known = [];
    private readonly List<(ModelState State, int From, string Who, string What)> _reached = [];

    public int States => _reached.Count;

    public IEnumerable<ModelState> Reached => _reached.Select(each => each.State);

    public long Transitions { get; private set; }

    /// <returns>The story of the first violation; null: there is none, and every reachable state has been seen.</returns>
    public string? FirstViolation(int maxStates)
    {
        foreach (var start in MoveModel.Starts)
            Add(start, -1, "", "start");
        for (var at = 0; at < _reached.Count; at++)
        {
            var state = _reached[at].State;
            if ((Invariants.Broken(state) ?? recovery.Fails(state)) is { } violation)
                return Story(at, violation);
            if (_reached.Count > maxStates)
                throw new InvalidOperationException($"More than {maxStates} states: the bounds of the model are too wide for a test.");
            model.Next(state, (who, what, next) =>
            {
                Transitions++;
                Add(next.Canonical, at, who, what);
            });
        }
        return null;
    }

    private void Add(ModelState state, int from, string who, string what)
    {
        if (_known.TryAdd(state, _reached.Count))
            _reached.Add((state, from, who, what));
    }

    private string Story(int at, string violation)
    {
        var lines = new List<string>();
        for (var step = at; step >= 0; step = _reached[step].From)
            lines.Add($"{_reached[step].Who} {_reached[step].What}");
        lines.Reverse();
        return new StringBuilder(violation).AppendLine().AppendJoin(Environment.NewLine, lines).AppendLine().Append(_reached[at].State).ToString();
    }
}
