using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ShardRouter.Items;

/// <summary>
/// A position in a list, bound to its query and encrypted. Only a router of this cluster can make or read one: a search may end at an item
/// that its caller must not see.
/// </summary>
/// <remarks>
/// AES-GCM, whose nonce is a MAC of what is encrypted. So there is no counter to be kept by all routers, a nonce never comes twice for
/// different positions, and the same position always gives the same cursor.
/// </remarks>
internal static class SealedCursor
{
    public const int MaxLength = 2048;

    private const int QueryHashBytes = 8;
    private const int HeadBytes = 1 + QueryHashBytes;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int KeyBytes = 32;

    /// <param name="format">Differs from list to list, and from version to version.</param>
    /// <param name="query">What <see cref="HashOf"/> gave.</param>
    /// <param name="position">At most 1,100 bytes.</param>
    /// <param name="secret">The cluster's.</param>
    public static string Write(byte format, byte[] query, ReadOnlySpan<byte> position, byte[] secret)
    {
        var cursor = new byte[HeadBytes + NonceBytes + position.Length + TagBytes];
        var head = cursor.AsSpan(..HeadBytes);
        var nonce = cursor.AsSpan(HeadBytes, NonceBytes);
        head[0] = format;
        query.CopyTo(head[1..]);
        using (var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Key(secret, "nonce")))
        {
            mac.AppendData(head);
            mac.AppendData(position);
            mac.GetHashAndReset().AsSpan(..NonceBytes).CopyTo(nonce);
        }
        using var cipher = new AesGcm(Key(secret, "cipher"), TagBytes);
        cipher.Encrypt(
            nonce, position, cursor.AsSpan(HeadBytes + NonceBytes, position.Length), cursor.AsSpan(cursor.Length - TagBytes), associatedData: head);
        return Base64Url.EncodeToString(cursor);
    }

    /// <returns>The position; null: the cursor is forged, of another cluster or of another query.</returns>
    public static byte[]? Read(byte format, byte[] query, string text, byte[] secret, int maxLength = MaxLength)
    {
        if (text.Length > maxLength || !Base64Url.IsValid(text))
            return null;
        var cursor = Base64Url.DecodeFromChars(text);
        if (cursor.Length <= HeadBytes + NonceBytes + TagBytes || cursor[0] != format || !cursor.AsSpan(1, QueryHashBytes).SequenceEqual(query))
            return null;
        var position = new byte[cursor.Length - HeadBytes - NonceBytes - TagBytes];
        using var cipher = new AesGcm(Key(secret, "cipher"), TagBytes);
        try
        {
            cipher.Decrypt(
                cursor.AsSpan(HeadBytes, NonceBytes), cursor.AsSpan(HeadBytes + NonceBytes, position.Length), cursor.AsSpan(cursor.Length - TagBytes),
                position, associatedData: cursor.AsSpan(..HeadBytes));
            return position;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <param name="parts">Everything that decides which entries come in which order.</param>
    public static byte[] HashOf(params IEnumerable<string> parts)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
            text.Append(CultureInfo.InvariantCulture, $"{part.Length}:{part};");
        return SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))[..QueryHashBytes];
    }

    private static byte[] Key(byte[] secret, string purpose) =>
        HKDF.Expand(HashAlgorithmName.SHA256, secret, KeyBytes, Encoding.ASCII.GetBytes($"cursor {purpose}"));
}
