using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ShardRouter.Items;

/// <summary>
/// A page's cursor: the last id, bound to its query and signed. It holds a value, not a position in a shard, so it
/// survives moves and any router understands it. At most 1,024 bytes of id and 25 of frame, in base64: under 2 KB.
/// </summary>
internal static class CursorCodec
{
    public const int MaxLength = 2048;

    private const byte FormatVersion = 1;
    private const int QueryHashBytes = 8;
    private const int SignatureBytes = 16;

    public static string Write(PartitionQuery query, string lastId, byte[] secret)
    {
        var id = Encoding.UTF8.GetBytes(lastId);
        var cursor = new byte[1 + QueryHashBytes + id.Length + SignatureBytes];
        cursor[0] = FormatVersion;
        HashOf(query).CopyTo(cursor, 1);
        id.CopyTo(cursor, 1 + QueryHashBytes);
        Sign(cursor.AsSpan(..^SignatureBytes), secret).CopyTo(cursor.AsSpan(cursor.Length - SignatureBytes));
        return Base64Url.EncodeToString(cursor);
    }

    /// <returns>The id after which the next page begins, or null when the cursor is forged, foreign or of another query.</returns>
    public static string? Read(PartitionQuery query, string text, byte[] secret)
    {
        if (text.Length > MaxLength || !Base64Url.IsValid(text))
            return null;
        var cursor = Base64Url.DecodeFromChars(text);
        if (cursor.Length <= 1 + QueryHashBytes + SignatureBytes || cursor[0] != FormatVersion)
            return null;
        var signed = cursor.AsSpan(..^SignatureBytes);
        return CryptographicOperations.FixedTimeEquals(Sign(signed, secret), cursor.AsSpan(cursor.Length - SignatureBytes))
            && signed[1..(1 + QueryHashBytes)].SequenceEqual(HashOf(query))
                ? Encoding.UTF8.GetString(signed[(1 + QueryHashBytes)..])
                : null;
    }

    private static ReadOnlySpan<byte> Sign(ReadOnlySpan<byte> content, byte[] secret) => HMACSHA256.HashData(secret, content).AsSpan(0, SignatureBytes);

    /// <summary>Over what decides which items come in which order; the limit and the selection may change from page to page.</summary>
    private static byte[] HashOf(PartitionQuery query)
    {
        var text = new StringBuilder();
        Append(query.Collection);
        Append(query.PartitionKey);
        Append(query.Descending ? "desc" : "asc");
        foreach (var (comparison, id) in query.Bounds)
        {
            Append(comparison);
            Append(id);
        }
        foreach (var filter in query.Filters)
        {
            Append(filter.Operator.ToString());
            Append(string.Join('\0', filter.Path));
            Append(string.Join('\0', filter.Values));
        }
        return SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))[..QueryHashBytes];

        void Append(string part) => text.Append(CultureInfo.InvariantCulture, $"{part.Length}:{part};");
    }
}
