namespace Chaos.Matrix;

/// <summary>The result of one cell.</summary>
/// <param name="Recovery">The time from the end of the fault (servers run again) until the move was complete.</param>
/// <param name="Problems">Violations, problems that the audit found, and steps that failed.</param>
internal sealed record CellResult(string Name, TimeSpan Recovery, long Requests, long Failed, long Unknown, TimeSpan LongestWrite, IReadOnlyList<string> Problems)
{
    public bool IsRight => Problems.Count == 0;
}
