using System.Security.Cryptography;
using System.Text;

namespace ShardCore.Ring;

/// <summary>
/// Partition key → slot: the first 14 bits of SHA-256 over the key's UTF-8 bytes, without any normalisation. It is SHA-256 because
/// clients, shards (<c>sharding.slot_of</c>) and checkers in any language have that in their standard library. docs/internals/slot-hashing.md has
/// the recipe and golden vectors.
/// </summary>
public static class SlotHash
{
    /// <summary>The name of this function in the ring document; a router refuses a ring made with another.</summary>
    public const string Name = "sha256-14";

    /// <param name="partitionKey">Valid UTF-16; a lone surrogate has no UTF-8 form and must be refused earlier.</param>
    public static Slot Of(string partitionKey)
    {
        Span<byte> utf8 = stackalloc byte[512];
        if (Encoding.UTF8.GetMaxByteCount(partitionKey.Length) > utf8.Length)
            utf8 = new byte[Encoding.UTF8.GetByteCount(partitionKey)];
        return Of(utf8[..Encoding.UTF8.GetBytes(partitionKey, utf8)]);
    }

    public static Slot Of(ReadOnlySpan<byte> partitionKeyUtf8)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(partitionKeyUtf8, digest);
        return new Slot((digest[0] << 6) | (digest[1] >> 2));
    }
}
