namespace ShardAdmin.Cluster;

internal enum FindingLevel
{
    Ok,

    /// <summary>Works, but should be mended.</summary>
    Warning,
    Failed,

    /// <summary>Failed, because it does not answer.</summary>
    Unreachable,
}

/// <param name="Mend">The command that mends it; null when nothing is to be mended.</param>
internal sealed record Finding(string Check, FindingLevel Level, string Detail, string? Mend)
{
    public static Finding Ok(string check, string detail) => new(check, FindingLevel.Ok, detail, null);

    /// <summary>Ok, or the first problem with how many more there are.</summary>
    public static Finding Of(string check, FindingLevel otherwise, IReadOnlyCollection<string> problems, string good, string mend) =>
        problems.Count == 0 ? Ok(check, good) : new Finding(check, otherwise, string.Join(" ", problems), mend);
}
