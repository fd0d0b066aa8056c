using System.Text;

namespace ShardRouter.Keys;

/// <summary>The order of keys: by the bytes of their UTF-8, as the shards have it (collation "C").</summary>
internal static class KeyOrder
{
    public static IComparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    /// <summary>
    /// UTF-8 sorts by code point. UTF-16 differs in one place: surrogates, of which the highest code points are made, have lower numbers
    /// than U+E000…U+FFFF.
    /// </summary>
    public static int Compare(string one, string other)
    {
        var same = one.AsSpan().CommonPrefixLength(other);
        return same == one.Length || same == other.Length ? one.Length.CompareTo(other.Length) : Rank(one[same]).CompareTo(Rank(other[same]));
    }

    private static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;

    /// <summary>The first text behind this key that can be one: no key has a NUL.</summary>
    public static string Behind(string key) => key + "\u0001";

    /// <summary>The first text, by its bytes, behind all texts that begin with the prefix; null: there is none.</summary>
    public static string? Successor(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToList();
        for (var i = runes.Count - 1; i >= 0; i--)
        {
            if (runes[i].Value == 0x10FFFF)
                continue;
            var next = runes[i].Value == 0xD7FF ? 0xE000 : runes[i].Value + 1; // UTF-8 sorts by code point, without surrogates
            return string.Concat(runes.Take(i).Append(new Rune(next)));
        }
        return null;
    }
}
