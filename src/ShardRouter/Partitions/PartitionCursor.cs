using System.Buffers.Binary;
using System.Text;
using ShardCore.Ring;
using ShardRouter.Items;

namespace ShardRouter.Partitions;

/// <summary>
/// The cursor of a list of partitions: the slot and the first key of the next page, bound to collection and prefix, and encrypted. It survives
/// moves, because slots do not change.
/// </summary>
internal static class PartitionCursor
{
    private const byte FormatVersion = 2;

    public static string Write(string collection, string prefix, PartitionPosition next, byte[] secret)
    {
        var position = new byte[2 + Encoding.UTF8.GetByteCount(next.From)];
        BinaryPrimitives.WriteUInt16BigEndian(position, (ushort)next.Slot);
        Encoding.UTF8.GetBytes(next.From, position.AsSpan(2));
        return SealedCursor.Write(FormatVersion, SealedCursor.HashOf(collection, prefix), position, secret);
    }

    /// <returns>Null: the cursor is forged, of another cluster or of another list.</returns>
    public static PartitionPosition? Read(string collection, string prefix, string text, byte[] secret) =>
        SealedCursor.Read(FormatVersion, SealedCursor.HashOf(collection, prefix), text, secret) is { Length: >= 2 } position
        && BinaryPrimitives.ReadUInt16BigEndian(position) is var slot && slot < Slot.Count
            ? new PartitionPosition(slot, Encoding.UTF8.GetString(position.AsSpan(2)))
            : null;
}
