namespace ShardRouter.Http;

/// <summary>What is wrong with an address that is none. Only a hint for people: nothing goes by it.</summary>
internal static class AlmostAddress
{
    private const string Items = "/v1/collections/{collection}/items/{pk}/{id}";

    /// <param name="path">As it was sent.</param>
    /// <returns>A sentence, or null when the path resembles nothing.</returns>
    public static string? Explain(string path)
    {
        var segments = path.Split('/');
        if (segments.Any(segment => segment is "." or ".."))
            return "'.' and '..' are not resolved in an address.";
        if (path.Length > 1 && path.EndsWith('/'))
            return "An address does not end with '/'.";
        if (segments.Take(3).Concat(segments.Skip(4).Take(1)).Any(segment => segment.Contains('%', StringComparison.Ordinal)))
            return "Only keys are percent-encoded, the fixed words of an address are not.";
        if (segments[1] is "collections" or "items" || (segments is [_, "v1", var second, ..] && second != "collections" && !IsCapital(second)))
            return $"Addresses begin with /v1, and those of items are {Items}.";
        if (segments is [_, "v1", "collections", _, ..])
            return InCollection(segments);
        if (path.StartsWith("/v1:", StringComparison.OrdinalIgnoreCase))
            return "There are /v1:transact and /v1:locate, in small letters.";
        return IsCapital(path) ? "The fixed words of an address have no capital letters." : null;
    }

    /// <param name="segments">"", v1, collections, the collection …</param>
    private static string InCollection(string[] segments) => segments switch
    {
        [_, _, _, _] => "A collection has :batchGet, :batchWrite, :query, :count and :aggregate.",
        [_, _, _, _, "items", ..] => $"An item is at {Items}; a '/' within a key is written %2F.",
        [_, _, _, _, "indexes", ..] => "An index is at /v1/collections/{collection}/indexes/{name}.",
        _ => $"'items' is missing behind the collection, in small letters: an item is at {Items}.",
    };

    private static bool IsCapital(string text) => text.Any(char.IsAsciiLetterUpper);
}
