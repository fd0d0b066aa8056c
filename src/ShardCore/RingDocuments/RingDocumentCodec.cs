using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ShardCore.Ring;

namespace ShardCore.RingDocuments;

/// <summary>
/// Converts a ring to text and back. Reading refuses a text that is not exactly a ring: a wrong checksum, schema or hash name, a gap, an
/// overlap, an unknown shard, a bad address. Two equal rings are written as the same bytes.
/// </summary>
public static class RingDocumentCodec
{
    public const int SchemaVersion = 1;

    /// <summary>Even 16,384 runs of one slot, with owners of 63 letters, stay below this.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>The number of characters of <c>,"checksum":"sha256:…"}</c>, with which every document ends.</summary>
    public const int EndLength = 86;

    /// <summary>The part of a document that <see cref="RedisRingStore.ReadEndAsync"/> reads.</summary>
    public static string EndOf(string document) => document.Length <= EndLength ? document : document[^EndLength..];

    public static string Write(ShardRing ring)
    {
        var document = new RingDocument(
            SchemaVersion,
            new RingDocument.ClusterPart(ring.Cluster.Name, ring.Cluster.Id),
            ring.Epoch.Value,
            SlotHash.Name,
            [.. ring.Shards.Select(ShardListCodec.ToDocument)],
            [.. ring.Runs().Select(run => new SlotRunDocument(run.First.Value, run.Last.Value, run.Owner.Value))],
            Checksum: "");
        return JsonSerializer.Serialize(document with { Checksum = ChecksumOf(document) }, RingJson.Default.RingDocument);
    }

    /// <exception cref="BadRingException">The text is not a good ring. The message says why, for the log and for people.</exception>
    public static ShardRing Read(string text)
    {
        if (text.Length > MaxBytes)
            throw new BadRingException($"The ring document has {text.Length} characters; at most {MaxBytes} are read.");
        var document = Parse(text);
        Require(document.Schema == SchemaVersion, $"The ring document has schema {document.Schema}; this program knows {SchemaVersion}.");
        Require(
            document.Checksum == ChecksumOf(document with { Checksum = "" }), "The ring document's checksum does not match its content.");
        Require(
            document.Hash == SlotHash.Name,
            $"The ring was made with the hash '{document.Hash}'; this program computes '{SlotHash.Name}'.");
        Require(document.Cluster.Name.Length > 0, "The ring document names no cluster.");
        Require(document.Epoch is >= 1 and < 1L << 53, $"The ring document's epoch {document.Epoch} is out of range.");
        try
        {
            return ShardRing.Create(
                new ClusterId(document.Cluster.Name, document.Cluster.Id),
                new Epoch(document.Epoch),
                document.Shards.Select(ShardListCodec.FromDocument),
                Owners(document));
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new BadRingException($"The ring document is inconsistent: {e.Message}", e);
        }
    }

    private static RingDocument Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, RingJson.Default.RingDocument)
                ?? throw new BadRingException("The ring document is null.");
        }
        catch (Exception e) when (e is JsonException or ArgumentException) // the latter: text with a lone surrogate
        {
            throw new BadRingException($"The ring document is not readable JSON of a ring: {e.Message}", e);
        }
    }

    private static ShardId[] Owners(RingDocument document)
    {
        if (document.Shards.Count == 0 && document.Slots.Count == 0)
            return [];
        var owners = new ShardId[Slot.Count];
        var next = 0;
        foreach (var run in document.Slots)
        {
            Require(run.First == next, run.First > next
                ? $"Slots {next}-{run.First - 1} have no owner."
                : $"Slot {run.First} appears twice or out of order.");
            Require(run.Last >= run.First && run.Last < Slot.Count, $"The slot run [{run.First},{run.Last}] is no run of slots.");
            Array.Fill(owners, new ShardId(run.Shard), run.First, run.Last - run.First + 1);
            next = run.Last + 1;
        }
        Require(next == Slot.Count, $"Slots {next}-{Slot.Count - 1} have no owner.");
        return owners;
    }

    /// <summary>Computes the checksum of the document written with an empty checksum, so that it shows any changed value.</summary>
    private static string ChecksumOf(RingDocument withoutChecksum)
    {
        var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(withoutChecksum, RingJson.Default.RingDocument));
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new BadRingException(otherwise);
    }
}

/// <summary>A ring document must not be used. The reaction: keep the last good ring, log it, count it.</summary>
public sealed class BadRingException(string message, Exception? inner = null) : Exception(message, inner);
