namespace ShardCore.Tests.Moves.Model;

/// <summary>Breadth first over every state that can be reached, so the first violation found has one of the shortest stories.</summary>
internal sealed class StateSearch(MoveModel model, Invariants invariants, Recovery recovery)
{
    private const int FirstPlaces = 1 << 16;

    private readonly List<ModelState> _reached = [];
    private readonly List<int> _from = [];

    /// <summary>Open addressing: the number of a state plus 1, or 0. A dictionary would hold each state twice.</summary>
    private int[] _places = new int[FirstPlaces];

    public int States => _reached.Count;

    public IReadOnlyList<ModelState> Reached => _reached;

    public long Transitions { get; private set; }

    /// <returns>The story of the first violation; null: there is none, and every reachable state has been seen.</returns>
    public string? FirstViolation(int maxStates)
    {
        foreach (var start in model.Starts)
            Add(start, -1);
        for (var at = 0; at < _reached.Count; at++)
        {
            var state = _reached[at];
            if ((invariants.Broken(state) ?? recovery.Fails(state)) is { } violation)
                return Story(at, violation);
            if (_reached.Count > maxStates)
                throw new InvalidOperationException($"More than {maxStates} states: the bounds of the model are too wide for a test.");
            model.Next(state, (_, _, next) =>
            {
                Transitions++;
                Add(next.Canonical, at);
            });
        }
        return null;
    }

    private void Add(ModelState state, int from)
    {
        var place = PlaceOf(state);
        if (_places[place] != 0)
            return;
        _reached.Add(state);
        _from.Add(from);
        _places[place] = _reached.Count;
        if (_reached.Count * 2 < _places.Length)
            return;
        _places = new int[_places.Length * 2];
        for (var number = 1; number <= _reached.Count; number++)
            _places[PlaceOf(_reached[number - 1])] = number;
    }

    /// <summary>Where the state is, or where it goes.</summary>
    private int PlaceOf(ModelState state)
    {
        var place = state.GetHashCode() & (_places.Length - 1);
        while (_places[place] != 0 && _reached[_places[place] - 1] != state)
            place = (place + 1) & (_places.Length - 1);
        return place;
    }

    private string Story(int at, string violation)
    {
        var lines = new List<string>();
        for (var step = at; _from[step] >= 0; step = _from[step])
            lines.Add(StepTo(_reached[_from[step]], _reached[step]));
        lines.Reverse();
        return string.Join(Environment.NewLine, [violation, .. lines, _reached[at].ToString()]);
    }

    /// <summary>Found again, so that it need not be kept for each state.</summary>
    private string StepTo(ModelState from, ModelState to)
    {
        var step = "";
        model.Next(from, (who, what, next) => step = step.Length == 0 && next.Canonical == to ? $"{who} {what}" : step);
        return step;
    }
}
