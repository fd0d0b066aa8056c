namespace ShardAdmin.Output;

internal enum FindingLevel
{
    Ok,

    /// <summary>It works, but should be repaired.</summary>
    Warning,
    Failed,

    /// <summary>The check failed, because a server does not answer.</summary>
    Unreachable,
}

/// <param name="Mend">The command that repairs the problem; null: there is no problem.</param>
internal sealed record Finding(string Check, FindingLevel Level, string Detail, string? Mend)
{
    public static Finding Ok(string check, string detail) => new(check, FindingLevel.Ok, detail, null);

    /// <summary>A finding with all problems; if there are none, an ok finding with the text <paramref name="good"/>.</summary>
    public static Finding Of(string check, FindingLevel otherwise, IReadOnlyCollection<string> problems, string good, string mend) =>
        problems.Count == 0 ? Ok(check, good) : new Finding(check, otherwise, string.Join(" ", problems), mend);
}
