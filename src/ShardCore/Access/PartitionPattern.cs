namespace ShardCore.Access;

/// <summary>Which partitions a caller may touch: one exact key, or all keys that begin with what stands before a final <c>*</c>.</summary>
public readonly record struct PartitionPattern
{
    private const char Any = '*';

    private PartitionPattern(string start, bool isExact) => (Start, IsExact) = (start, isExact);

    /// <summary>The exact key, or the beginning.</summary>
    public string Start { get; }

    public bool IsExact { get; }

    public const string Rule = "an exact key such as tenant-42, or a beginning and a final '*' such as tenant-42:*";

    /// <summary>A <c>*</c> anywhere but at the end is refused: whoever wrote it meant something that this is not.</summary>
    /// <returns>Null: it is no pattern.</returns>
    public static PartitionPattern? TryParse(string? text)
    {
        if (text is null)
            return null;
        var star = text.IndexOf(Any, StringComparison.Ordinal);
        return text.Length == 0 || (star >= 0 && star != text.Length - 1) ? null
            : star < 0 ? new PartitionPattern(text, isExact: true)
            : new PartitionPattern(text[..^1], isExact: false);
    }

    public bool Matches(string partitionKey) =>
        IsExact
            ? string.Equals(partitionKey, Start, StringComparison.Ordinal)
            : partitionKey.StartsWith(Start, StringComparison.Ordinal);

    public override string ToString() => IsExact ? Start : Start + Any;
}
