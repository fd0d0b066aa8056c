namespace LoadTests.Benches.Quick;

/// <summary>A recorded ratio, and the commit that it was measured with.</summary>
/// <param name="Name">The name that the guard prints.</param>
internal sealed record RecordedRatio(string Name, double Ratio, string Commit, DateOnly Date);
