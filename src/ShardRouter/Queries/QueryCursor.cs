using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ShardRouter.Items;

namespace ShardRouter.Queries;

/// <summary>
/// The cursor of a query: the key of the last item, bound to the query and encrypted. It holds values, so it survives moves.
/// </summary>
/// <remarks>
/// Without an order it travels in addresses too. So it is short: two numbers and the two keys, at most 2,096 bytes, or 2,795 characters.
/// </remarks>
internal static class QueryCursor
{
    /// <summary>Keys and paths of 1,024 bytes, texts of <see cref="SortValue.MostCharacters"/> characters, all escaped in JSON, in base64.</summary>
    public const int MaxLength = 32 * 1024;

    private const byte OrderFormat = 3;
    private const byte ScanFormat = 4;

    private const int ScanHeadBytes = 6; // slot, slots at once, length of pk: two bytes each

    private static readonly JsonWriterOptions Plain = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <param name="identity">Everything that decides which items come in which order.</param>
    /// <param name="last">The page's last key.</param>
    /// <param name="order">The fields of that key.</param>
    /// <param name="slotsAtOnce">Without an order: what the next page begins with.</param>
    /// <param name="secret">The cluster's.</param>
    public static string Write(
        IReadOnlyList<string> identity, SortKey last, IReadOnlyList<SortField> order, int slotsAtOnce, byte[] secret)
    {
        var hash = SealedCursor.HashOf(identity);
        return last.Values.Count > 0
            ? SealedCursor.Write(OrderFormat, hash, InOrder(last, order), secret)
            : SealedCursor.Write(ScanFormat, hash, InScan(last, slotsAtOnce), secret);
    }

    /// <param name="identity">Everything that decides which items come in which order.</param>
    /// <param name="text">The cursor.</param>
    /// <param name="secret">The cluster's.</param>
    /// <returns>Null: the cursor is forged, of another cluster or of another query.</returns>
    public static PagePlace? Read(IReadOnlyList<string> identity, string text, byte[] secret)
    {
        var hash = SealedCursor.HashOf(identity);
        return SealedCursor.Read(ScanFormat, hash, text, secret, MaxLength) is { } scan
                ? new PagePlace(OfScan(scan), [], BinaryPrimitives.ReadUInt16LittleEndian(scan.AsSpan(2)))
            : SealedCursor.Read(OrderFormat, hash, text, secret, MaxLength) is { } order ? OfOrder(order)
            : null;
    }

    private static byte[] InScan(SortKey last, int slotsAtOnce)
    {
        var (pk, id) = (Encoding.UTF8.GetBytes(last.PartitionKey), Encoding.UTF8.GetBytes(last.Id));
        var position = new byte[ScanHeadBytes + pk.Length + id.Length];
        BinaryPrimitives.WriteInt16LittleEndian(position, last.Slot);
        BinaryPrimitives.WriteUInt16LittleEndian(position.AsSpan(2), (ushort)slotsAtOnce);
        BinaryPrimitives.WriteUInt16LittleEndian(position.AsSpan(4), (ushort)pk.Length);
        pk.CopyTo(position, ScanHeadBytes);
        id.CopyTo(position, ScanHeadBytes + pk.Length);
        return position;
    }

    private static SortKey OfScan(byte[] position)
    {
        var end = ScanHeadBytes + BinaryPrimitives.ReadUInt16LittleEndian(position.AsSpan(4));
        return new SortKey(
            [], BinaryPrimitives.ReadInt16LittleEndian(position), Encoding.UTF8.GetString(position.AsSpan(ScanHeadBytes..end)),
            Encoding.UTF8.GetString(position.AsSpan(end..)));
    }

    private static byte[] InOrder(SortKey last, IReadOnlyList<SortField> order)
    {
        using var position = new MemoryStream();
        using (var json = new Utf8JsonWriter(position, Plain))
        {
            json.WriteStartArray();
            json.WriteNumberValue(last.Slot);
            json.WriteStringValue(last.PartitionKey);
            json.WriteStringValue(last.Id);
            foreach (var (value, field) in last.Values.Zip(order))
            {
                json.WriteNumberValue(value.Rank);
                json.WriteStringValue(value.Text);
                json.WriteStartArray();
                json.WriteBooleanValue(field.Descending);
                foreach (var step in field.Path)
                    json.WriteStringValue(step);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
        return position.ToArray();
    }

    private static PagePlace OfOrder(byte[] position)
    {
        using var parsed = JsonDocument.Parse(position);
        var parts = parsed.RootElement;
        var (values, order) = (new List<SortValue>(), new List<SortField>());
        for (var i = 3; i < parts.GetArrayLength(); i += 3)
        {
            values.Add(new SortValue(parts[i].GetInt16(), parts[i + 1].GetString()!));
            var field = parts[i + 2].EnumerateArray().ToArray();
            order.Add(new SortField([.. field[1..].Select(step => step.GetString()!)], field[0].GetBoolean()));
        }
        return new PagePlace(new SortKey(values, parts[0].GetInt16(), parts[1].GetString()!, parts[2].GetString()!), order, 0);
    }
}

/// <summary>Where the page before ended.</summary>
/// <param name="Last">Its last key.</param>
/// <param name="Order">The fields of that key: the query's order, or the one in which an index gave the items of a query without an order.</param>
/// <param name="SlotsAtOnce">Without an order: with how many slots the next page begins.</param>
internal sealed record PagePlace(SortKey Last, IReadOnlyList<SortField> Order, int SlotsAtOnce);
