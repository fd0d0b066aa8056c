using System.Text.RegularExpressions;

namespace ShardCore.Ring;

/// <summary>The name of a shard, for instance <c>s1</c>: a letter, then up to 62 of <c>a-z 0-9 _ -</c>.</summary>
public readonly partial record struct ShardId : IComparable<ShardId>
{
    private readonly string? _value;

    /// <exception cref="FormatException">The text is not a shard id; the message says how one looks.</exception>
    public ShardId(string value)
    {
        if (!IsValid(value))
            throw new FormatException($"'{value}' is not a shard id: a lower-case letter, then up to 62 of a-z, 0-9, '_' and '-'.");
        _value = value;
    }

    public string Value => _value ?? "";

    public static bool IsValid(string value) => Pattern().IsMatch(value);

    /// <summary>Compares ordinally, so that every program lists shards in one order.</summary>
    public int CompareTo(ShardId other) => string.CompareOrdinal(Value, other.Value);

    public override string ToString() => Value;

    public static bool operator <(ShardId left, ShardId right) => left.CompareTo(right) < 0;
    public static bool operator >(ShardId left, ShardId right) => left.CompareTo(right) > 0;
    public static bool operator <=(ShardId left, ShardId right) => left.CompareTo(right) <= 0;
    public static bool operator >=(ShardId left, ShardId right) => left.CompareTo(right) >= 0;

    [GeneratedRegex("^[a-z][a-z0-9_-]{0,62}\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
