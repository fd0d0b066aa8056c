using System.Diagnostics;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace ShardAdmin.Verifying;

/// <summary>
/// Checks that the ring agrees with the shards, that every row is in the slot of its key, and that the targets of hand-overs have the rows
/// of the sources. If asked, it also compares the rows with an earlier run or another copy. Changes nothing.
/// </summary>
internal sealed class ClusterVerifier(AdminSession session, VerifyRequest request)
{
    private readonly List<ScannedRange> _scanned = [];
    private readonly Lock _gate = new();
    private VerifyFile? _file;
    private long _rowsRead;

    public async Task<VerifyReport> RunAsync(CancellationToken cancellation)
    {
        ShardRing? ring;
        try
        {
            ring = await session.Rings.ReadAsync(cancellation);
        }
        catch (BadRingException e)
        {
            return new VerifyReport(
                false, session.Settings.Cluster, null, 0, 0, [new VerifyDifference("ring-unreadable", null, null, e.Message)], []);
        }
        ring ??= await session.RequireRingAsync(cancellation); // fails with the message that there is no ring
        if (ring.IsEmpty)
            return new VerifyReport(true, ring.Cluster.Name, ring.Epoch.Value, 0, 0, [], []);
        var wanted = (request.Slots ?? [.. Slot.All]).ToHashSet();
        // The files are read before the long work: a wrong file is reported at once.
        var earlier = await Task.WhenAll(request.EarlierRuns.Select(path => VerifyFile.ReadAsync(path, cancellation)));
        var ownership = await new OwnershipVerifier(session).RunAsync(wanted, cancellation);
        var (handOvers, handOverDifferences) = await new HandOverVerifier(session, ring).RunAsync(wanted, cancellation);
        var clock = Stopwatch.StartNew();
        await ScanAsync(ring, cancellation);
        var seconds = clock.Elapsed.TotalSeconds;
        var placement = ring.Shards
            .Select(shard => PlacementVerifier.Judge(shard.Id, _scanned.Where(range => range.Shard == shard.Id.Value))).ToArray();
        var comparisons = request.EarlierRuns.Zip(earlier, (path, run) => ChecksumComparison.Of(
                "run-differs", path, null, Served(_scanned), Served(run).Where(slot => wanted.Contains(new Slot(slot.Slot)))))
            .Concat(await new CopyVerifier(session, ring, request).RunAsync(_scanned, cancellation)).ToArray();
        VerifyDifference[] differences =
        [
            .. ownership, .. handOverDifferences, .. placement.SelectMany(shard => shard.Differences),
            .. comparisons.SelectMany(each => each.Differences),
        ];
        return new VerifyReport(
            differences.Length == 0, ring.Cluster.Name, ring.Epoch.Value, wanted.Count,
            _scanned.Sum(range => range.Slots.Sum(slot => slot.Rows)), differences, [.. placement.SelectMany(shard => shard.Residue)])
        {
            RowsRead = _rowsRead,
            Seconds = Math.Round(seconds, 3),
            Saved = request.SaveTo,
            HandOvers = handOvers,
            Comparisons = [.. comparisons.Select(each => each.Comparison)],
        };
    }

    private static IEnumerable<ScannedSlot> Served(IEnumerable<ScannedRange> ranges) =>
        ranges.SelectMany(range => range.Slots).Where(slot => slot.IsServed);

    private async Task ScanAsync(ShardRing ring, CancellationToken cancellation)
    {
        await using var file = request.SaveTo is null
            ? null
            : await VerifyFile.OpenAsync(request.SaveTo, VerifyFileHeader.Of(ring, request.Slots), request.Resume, cancellation);
        if (file is not null)
        {
            session.LeftOff = $"Nothing was changed; {request.SaveTo} has the finished part.";
            session.CarryOn = $"shardadmin verify --save {request.SaveTo} --resume   (with the same --slots)";
        }
        _file = file;
        _scanned.AddRange(file?.Ranges ?? []);
        var known = _scanned.ToLookup(range => range.Shard, StringComparer.Ordinal);
        var total = (double)ring.Shards.Length * (request.Slots?.Count ?? Slot.Count);
        await session.Output.WithProgressAsync("Verifying rows", total, async advance => await Reach.AllAsync(ring.Shards, async shard =>
        {
            await new SlotScanner(session.Source(shard), shard.Id, request.Connections).RunAsync(
                request.Slots, [.. known[shard.Id.Value]], range => KeepAsync(range, cancellation), advance, cancellation);
            return true;
        }));
        session.CarryOn = null;
    }

    private async Task KeepAsync(ScannedRange range, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _scanned.Add(range);
            _rowsRead += range.Slots.Sum(slot => slot.Rows);
        }
        if (_file is not null)
            await _file.AddAsync(range, cancellation);
    }
}
