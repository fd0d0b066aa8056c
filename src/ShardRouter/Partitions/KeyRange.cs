using ShardCore.Ring;
using ShardRouter.Callers;
using ShardRouter.Keys;

namespace ShardRouter.Partitions;

/// <summary>Partition keys that lie next to each other, by their bytes.</summary>
/// <param name="From">The first one that may be in it.</param>
/// <param name="To">The first one behind it; null: there is no end.</param>
/// <param name="Only">The slot of the one key in it; null: it has keys of all slots.</param>
internal readonly record struct KeyRange(string From, string? To, Slot? Only)
{
    /// <summary>The keys that begin with the prefix and are for the caller: ranges that do not meet, in their order.</summary>
    public static KeyRange[] Of(string prefix, Caller caller)
    {
        if (caller.Partitions is not { } patterns)
            return [WithPrefix(prefix)];
        var starts = patterns.Where(each => !each.IsExact).Select(each => each.Start)
            .Where(start => start.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(start, StringComparison.Ordinal))
            .Select(start => start.Length > prefix.Length ? start : prefix).Distinct(StringComparer.Ordinal).ToArray();
        string[] widest = [.. starts.Where(start => !starts.Any(other => IsWithin(start, other)))];
        var keys = patterns.Where(each => each.IsExact).Select(each => each.Start).Distinct(StringComparer.Ordinal)
            .Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && !widest.Any(start => key.StartsWith(start, StringComparison.Ordinal)));
        return [.. widest.Select(WithPrefix).Concat(keys.Select(OfOne)).OrderBy(range => range.From, KeyOrder.Comparer)];
    }

    private static bool IsWithin(string start, string other) =>
        start.Length > other.Length && start.StartsWith(other, StringComparison.Ordinal);

    private static KeyRange WithPrefix(string prefix) => new(prefix, KeyOrder.Successor(prefix), null);

    private static KeyRange OfOne(string key) => new(key, KeyOrder.Behind(key), SlotHash.Of(key));
}
