namespace Chaos.Cluster;

/// <summary>The end of a run of shardadmin.</summary>
/// <param name="ExitCode">137: it was killed.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Errors">Standard error.</param>
internal sealed record AdminResult(string Command, int ExitCode, string Output, string Errors)
{
    public const int NotFound = 3;
    public const int Conflict = 5;
    public const int CannotReach = 7;
    /// <summary>The exit code if two copies differ and a person has to decide which one is right.</summary>
    public const int Differences = 9;
    public const int Killed = 137;

    public bool IsDone => ExitCode == 0;

    /// <summary>Whether it ended with an unexpected exception; no fault excuses that.</summary>
    public bool IsUnexpected => Errors.Contains("Unexpected:", StringComparison.Ordinal) || Output.Contains("Unexpected:", StringComparison.Ordinal);

    /// <summary>The line with the error.</summary>
    public string Error => (Errors + Output).Split('\n').FirstOrDefault(line => line.StartsWith("error:", StringComparison.Ordinal) || line.StartsWith("{\"ok\":false", StringComparison.Ordinal))?.Trim() ?? "";

    public override string ToString() => $"shardadmin {Command} ended with {ExitCode}:\n{Output}{Errors}".TrimEnd();
}
