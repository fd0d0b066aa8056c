namespace LoadTests.Benches.Quick;

/// <summary>What a ratio was when it was written down, and of which commit.</summary>
/// <param name="Name">As the guard prints it.</param>
internal sealed record RecordedRatio(string Name, double Ratio, string Commit, DateOnly Date);
