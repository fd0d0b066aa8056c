using System.Diagnostics;

namespace LoadTests.Scenarios;

/// <summary>The events and their times, for the plots.</summary>
internal sealed class LoadMarks
{
    private readonly List<(long At, string Text)> _marks = [];

    public void Add(string text) => _marks.Add((Stopwatch.GetTimestamp(), text));

    /// <param name="beganAt">The timestamp of the stopwatch for second 0.</param>
    public IReadOnlyList<(double Second, string Text)> Since(long beganAt) =>
        [.. _marks.Select(mark => ((mark.At - beganAt) / (double)Stopwatch.Frequency, mark.Text))];
}
