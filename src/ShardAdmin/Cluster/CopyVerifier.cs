using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>Holds other databases, such as restored backups, to the shards that they are copies of.</summary>
internal sealed class CopyVerifier(AdminSession session, ShardRing ring, VerifyRequest request)
{
    /// <param name="scanned">What the shards have.</param>
    public async Task<IReadOnlyList<(VerifyComparison Comparison, IReadOnlyList<VerifyDifference> Differences)>> RunAsync(
        IReadOnlyList<ScannedRange> scanned, CancellationToken cancellation)
    {
        var compared = new List<(VerifyComparison, IReadOnlyList<VerifyDifference>)>();
        foreach (var copy in request.Copies)
        {
            var served = scanned.Where(range => range.Shard == copy.Shard.Value).SelectMany(range => range.Slots).Where(slot => slot.IsServed);
            var there = await ScanAsync(copy, cancellation);
            compared.Add(ChecksumComparison.Of("copy-differs", $"{copy.Address}", copy.Shard.Value, served, there));
        }
        return compared;
    }

    /// <summary>The slots that the shard owns now: what the copy says of ownership is of another time.</summary>
    private async Task<IEnumerable<ScannedSlot>> ScanAsync(ShardCopy copy, CancellationToken cancellation)
    {
        if (ring.Find(copy.Shard) is null)
            throw new CommandFailedException(ExitCode.NotFound, $"There is no shard {copy.Shard}.", "shardadmin ring show");
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        Slot[] owned = [.. (request.Slots ?? [.. Slot.All]).Where(slot => map.OwnersOf(slot).Contains(copy.Shard)).Order()];
        var ranges = new List<ScannedRange>();
        var source = session.Sources.Of(copy.Address);
        await Reach.AddressAsync($"The copy of {copy.Shard} at {copy.Address}", async () =>
        {
            await new SlotScanner(source, copy.Shard, request.Connections).RunAsync(owned, [], range => { ranges.Add(range); return Task.CompletedTask; }, _ => { }, cancellation);
            return true;
        });
        return ranges.SelectMany(range => range.Slots);
    }
}
