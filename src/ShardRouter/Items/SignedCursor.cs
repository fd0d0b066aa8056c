using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ShardRouter.Items;

/// <summary>A position in a list, bound to its query and signed. Only a router of this cluster can make one.</summary>
internal static class SignedCursor
{
    public const int MaxLength = 2048;

    private const int QueryHashBytes = 8;
    private const int SignatureBytes = 16;

    /// <param name="format">Differs from list to list, and from version to version.</param>
    /// <param name="query">What <see cref="HashOf"/> gave.</param>
    /// <param name="position">At most 1,100 bytes.</param>
    /// <param name="secret">The cluster's.</param>
    public static string Write(byte format, byte[] query, ReadOnlySpan<byte> position, byte[] secret)
    {
        var cursor = new byte[1 + QueryHashBytes + position.Length + SignatureBytes];
        cursor[0] = format;
        query.CopyTo(cursor, 1);
        position.CopyTo(cursor.AsSpan(1 + QueryHashBytes));
        Sign(cursor.AsSpan(..^SignatureBytes), secret).CopyTo(cursor.AsSpan(cursor.Length - SignatureBytes));
        return Base64Url.EncodeToString(cursor);
    }

    /// <returns>The position; null: the cursor is forged, of another cluster or of another query.</returns>
    public static byte[]? Read(byte format, byte[] query, string text, byte[] secret, int maxLength = MaxLength)
    {
        if (text.Length > maxLength || !Base64Url.IsValid(text))
            return null;
        var cursor = Base64Url.DecodeFromChars(text);
        if (cursor.Length <= 1 + QueryHashBytes + SignatureBytes || cursor[0] != format)
            return null;
        var signed = cursor.AsSpan(..^SignatureBytes);
        return CryptographicOperations.FixedTimeEquals(Sign(signed, secret), cursor.AsSpan(cursor.Length - SignatureBytes))
            && signed[1..(1 + QueryHashBytes)].SequenceEqual(query)
                ? signed[(1 + QueryHashBytes)..].ToArray()
                : null;
    }

    /// <param name="parts">Everything that decides which entries come in which order.</param>
    public static byte[] HashOf(params IEnumerable<string> parts)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
            text.Append(CultureInfo.InvariantCulture, $"{part.Length}:{part};");
        return SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))[..QueryHashBytes];
    }

    private static ReadOnlySpan<byte> Sign(ReadOnlySpan<byte> content, byte[] secret) =>
        HMACSHA256.HashData(secret, content).AsSpan(0, SignatureBytes);
}
