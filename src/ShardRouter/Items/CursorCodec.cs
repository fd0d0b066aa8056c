using System.Text;

namespace ShardRouter.Items;

/// <summary>
/// A page's cursor: the last id, bound to its query and encrypted. It holds a value and not a position in a shard. So it survives moves, and
/// any router understands it. It has at most 1,024 bytes of id and 37 of frame, in base64: under 2 KB.
/// </summary>
internal static class CursorCodec
{
    public const int MaxLength = SealedCursor.MaxLength;

    private const byte FormatVersion = 1;

    public static string Write(PartitionQuery query, string lastId, byte[] secret) =>
        SealedCursor.Write(FormatVersion, HashOf(query), Encoding.UTF8.GetBytes(lastId), secret);

    /// <returns>The id after which the next page begins; null: the cursor is forged, of another cluster or of another query.</returns>
    public static string? Read(PartitionQuery query, string text, byte[] secret) =>
        SealedCursor.Read(FormatVersion, HashOf(query), text, secret) is { } id ? Encoding.UTF8.GetString(id) : null;

    /// <summary>
    /// The hash covers everything that decides which items come in which order. The limit and the selection may change from page to page.
    /// </summary>
    private static byte[] HashOf(PartitionQuery query) => SealedCursor.HashOf(
    [
        query.Collection, query.PartitionKey, query.Descending ? "desc" : "asc",
        .. query.Bounds.SelectMany(bound => new[] { bound.Operator, bound.Id }),
        .. query.Filters.SelectMany(filter =>
            new[] { filter.Operator.ToString(), string.Join('\0', filter.Path), string.Join('\0', filter.Values) }),
    ]);
}
