using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Verifying;

/// <summary>Compares copies of shards, such as restored backups, with the shards.</summary>
internal sealed class CopyVerifier(AdminSession session, ShardRing ring, VerifyRequest request)
{
    /// <param name="scanned">The slots of the shards.</param>
    public async Task<IReadOnlyList<(VerifyComparison Comparison, IReadOnlyList<VerifyDifference> Differences)>> RunAsync(
        IReadOnlyList<ScannedRange> scanned, CancellationToken cancellation)
    {
        var compared = new List<(VerifyComparison, IReadOnlyList<VerifyDifference>)>();
        foreach (var copy in request.Copies)
        {
            var served = scanned.Where(range => range.Shard == copy.Shard.Value).SelectMany(range => range.Slots)
                .Where(slot => slot.IsServed);
            var there = await ScanAsync(copy, cancellation);
            compared.Add(ChecksumComparison.Of("copy-differs", $"{copy.Address}", copy.Shard.Value, served, there));
        }
        return compared;
    }

    /// <summary>Scans the slots that the shard owns now. The ownership in the copy is from another time and does not count.</summary>
    private async Task<IEnumerable<ScannedSlot>> ScanAsync(ShardCopy copy, CancellationToken cancellation)
    {
        ring.RequireShard(copy.Shard);
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        Slot[] owned = [.. (request.Slots ?? [.. Slot.All]).Where(slot => map.OwnersOf(slot).Contains(copy.Shard)).Order()];
        var ranges = new List<ScannedRange>();
        var source = session.Sources.Of(copy.Address);
        await Reach.AddressAsync($"The copy of {copy.Shard} at {copy.Address}", async () =>
        {
            await new SlotScanner(source, copy.Shard, request.Connections).RunAsync(
                owned, [], range => { ranges.Add(range); return Task.CompletedTask; }, _ => { }, cancellation);
            return true;
        });
        return ranges.SelectMany(range => range.Slots);
    }
}
