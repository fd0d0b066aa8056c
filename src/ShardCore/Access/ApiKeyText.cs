using System.Security.Cryptography;
using System.Text;

namespace ShardCore.Access;

/// <summary>
/// An API key as its user has it: <c>shk_</c>, an id of 16 characters, <c>_</c>, a secret of 32, and a checksum of 6, all of 0-9, A-Z, a-z.
/// The prefix is one that scanners for secrets can know. The checksum tells a typing error, or junk, without looking anything up.
/// </summary>
/// <remarks>
/// The secret has 190 random bits, so nobody can try them all, and its SHA-256 needs to be neither slow nor salted. The id has 95: no two
/// keys ever get the same. The checksum is the CRC-32 of everything before it, as zlib's <c>crc32</c> computes it, in base 62.
/// </remarks>
public static class ApiKeyText
{
    public const string Prefix = "shk_";
    public const int IdLength = 16;
    public const int HashBytes = SHA256.HashSizeInBytes;
    public const int Length = SecretAt + SecretLength + ChecksumLength;

    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int SecretLength = 32;
    private const int ChecksumLength = 6;
    private const int SecretAt = 4 + IdLength + 1;

    /// <returns>A new key, and what a shard keeps of it.</returns>
    public static (string Text, string Id, byte[] SecretHash) Create()
    {
        var id = RandomNumberGenerator.GetString(Alphabet, IdLength);
        var secret = RandomNumberGenerator.GetString(Alphabet, SecretLength);
        var text = $"{Prefix}{id}_{secret}";
        Span<char> checksum = stackalloc char[ChecksumLength];
        Checksum(text, checksum);
        return (string.Concat(text, checksum), id, SHA256.HashData(Encoding.ASCII.GetBytes(secret)));
    }

    /// <summary>Reads a key without looking anything up.</summary>
    /// <param name="id">Names the key.</param>
    /// <param name="secret">Not known to be right.</param>
    /// <returns>False: nobody ever made such a key.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ReadOnlySpan<char> id, out ReadOnlySpan<char> secret)
    {
        id = secret = default;
        if (text.Length != Length || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[SecretAt - 1] != '_')
            return false;
        var named = text.Slice(Prefix.Length, IdLength);
        var rest = text[SecretAt..];
        if (!IsBase62(named) || !IsBase62(rest))
            return false;
        Span<char> checksum = stackalloc char[ChecksumLength];
        Checksum(text[..^ChecksumLength], checksum);
        if (!text[^ChecksumLength..].SequenceEqual(checksum))
            return false;
        id = named;
        secret = rest[..SecretLength];
        return true;
    }

    /// <summary>Whether a text can be the beginning of an id.</summary>
    public static bool IsIdPrefix(string text) => text.Length is > 0 and <= IdLength && IsBase62(text);

    /// <summary>What a shard keeps of a secret.</summary>
    public static void Hash(ReadOnlySpan<char> secret, Span<byte> hash)
    {
        Span<byte> ascii = stackalloc byte[SecretLength];
        SHA256.HashData(ascii[..Encoding.ASCII.GetBytes(secret, ascii)], hash);
    }

    private static bool IsBase62(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c))
                return false;
        return true;
    }

    private static void Checksum(ReadOnlySpan<char> text, Span<char> digits)
    {
        var value = Crc32.Of(text);
        for (var i = digits.Length - 1; i >= 0; i--)
            (digits[i], value) = (Alphabet[(int)(value % 62)], value / 62);
    }
}
