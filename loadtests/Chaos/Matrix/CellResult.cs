namespace LoadTests.Chaos.Matrix;

/// <summary>What came of one cell.</summary>
/// <param name="Recovery">From the moment when the fault was over (servers run again) until the move was complete.</param>
/// <param name="Problems">Violations, what the audit found, steps that did not go as they must.</param>
internal sealed record CellResult(string Name, TimeSpan Recovery, long Requests, long Failed, long Unknown, TimeSpan LongestWrite, IReadOnlyList<string> Problems)
{
    public bool IsRight => Problems.Count == 0;
}
