using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Verifying;

/// <summary>The first line of a <see cref="VerifyFile"/>.</summary>
/// <param name="Verify">The version of the format.</param>
/// <param name="Slots">The slots of the command line, or "all".</param>
internal sealed record VerifyFileHeader(int Verify, string Cluster, long Epoch, string Slots)
{
    public const int Version = 1;

    public static VerifyFileHeader Of(ShardRing ring, IReadOnlyList<Slot>? slots) =>
        new(Version, ring.Cluster.Name, ring.Epoch.Value, slots is null ? "all" : SlotText.Of(slots, int.MaxValue));
}
