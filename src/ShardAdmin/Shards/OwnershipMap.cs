using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Shards;

/// <summary>The owners of all slots according to the shards. The shards decide, and the ring has to agree with this map. Pure.</summary>
internal sealed class OwnershipMap
{
    private readonly List<ShardId>[] _owners; // by slot; if all is well each slot has exactly one
    private readonly IReadOnlyDictionary<(Slot, ShardId), Epoch> _epochs; // of shards that own the slot or have released it

    private OwnershipMap(
        List<ShardId>[] owners, IReadOnlyDictionary<(Slot, ShardId), Epoch> epochs, IReadOnlyList<Handover> unfinished, long highestEpoch)
    {
        _owners = owners;
        _epochs = epochs;
        Unfinished = unfinished;
        HighestEpoch = highestEpoch;
    }

    /// <summary>Slots without an owner whose last owner released them to a shard that has not taken them yet.</summary>
    public IReadOnlyList<Handover> Unfinished { get; }

    /// <summary>The highest epoch of any slot in any shard; 0: no shard has an entry for any slot.</summary>
    public long HighestEpoch { get; }

    public IEnumerable<Slot> Unowned => Slot.All.Where(slot => _owners[slot.Value].Count == 0);

    public IEnumerable<(Slot Slot, IReadOnlyList<ShardId> Owners)> OwnedTwice =>
        Slot.All.Where(slot => _owners[slot.Value].Count > 1).Select(slot => (slot, (IReadOnlyList<ShardId>)_owners[slot.Value]));

    public bool IsComplete => Array.TrueForAll(_owners, owners => owners.Count == 1);

    public IReadOnlyList<ShardId> OwnersOf(Slot slot) => _owners[slot.Value];

    /// <summary>The epoch in which an owner of the slot came to own it.</summary>
    public Epoch EpochOf(Slot slot, ShardId owner) => _epochs[(slot, owner)];

    /// <summary>The owner of the slot for the ring that follows the given one. It also works if not every shard was asked.</summary>
    /// <remarks>
    /// A shard that lost its last commits claims slots that it gave away. Therefore a shard other than the ring's owner is believed only in
    /// two cases: it came to own the slot in an epoch after the ring; or the ring's owner itself says that it released the slot, in an
    /// epoch that is not later than the one in which the other shard came to own it. If two shards own a slot, the one with the later epoch
    /// is right.
    /// </remarks>
    public ShardId BelievedOwner(Slot slot, ShardRing ring)
    {
        var (known, owners) = (ring.OwnerOf(slot).Id, _owners[slot.Value]);
        if (owners.Count == 0)
            return known;
        var latest = owners.MaxBy(owner => EpochOf(slot, owner).Value);
        var hasProof = owners.Contains(known)
            ? EpochOf(slot, latest) > EpochOf(slot, known)
            : EpochOf(slot, latest) > ring.Epoch
                || (_epochs.TryGetValue((slot, known), out var released) && released <= EpochOf(slot, latest));
        return hasProof ? latest : known;
    }

    /// <summary>The owner of each slot, in the order of slots.</summary>
    /// <exception cref="InvalidOperationException">The map is not <see cref="IsComplete"/>.</exception>
    public IReadOnlyList<ShardId> Owners => [.. _owners.Select(owners => owners.Single())];

    public static OwnershipMap Of(IReadOnlyDictionary<ShardId, IReadOnlyList<OwnershipRun>> byShard)
    {
        var owners = Enumerable.Range(0, Slot.Count).Select(_ => new List<ShardId>(1)).ToArray();
        var epochs = new Dictionary<(Slot, ShardId), Epoch>();
        var lastRelease = new Handover?[Slot.Count];
        foreach (var (shard, runs) in byShard.OrderBy(pair => pair.Key))
            foreach (var run in runs)
                foreach (var slot in run.Slots)
                {
                    if (run.State != OwnershipState.Importing)
                        epochs[(slot, shard)] = run.Epoch;
                    if (run.IsOwner)
                        owners[slot.Value].Add(shard);
                    else if (run is { State: OwnershipState.Released, Peer: { } peer } && !(lastRelease[slot.Value]?.Epoch >= run.Epoch))
                        lastRelease[slot.Value] = new Handover(slot, shard, peer, run.Epoch, run.VersionFloor);
                }
        var unfinished = lastRelease.OfType<Handover>().Where(handover => owners[handover.Slot.Value].Count == 0).ToArray();
        var highestEpoch = byShard.Values.SelectMany(runs => runs).Select(run => run.Epoch.Value).DefaultIfEmpty().Max();
        return new OwnershipMap(owners, epochs, unfinished, highestEpoch);
    }

    /// <summary>Sentences about all slots that do not have exactly one owner; empty: there are none.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (Unowned.Any())
            problems.Add($"Slots {Output.SlotText.Of(Unowned)} are owned by no shard.");
        problems.AddRange(OwnedTwice
            .GroupBy(slot => string.Join(" and ", slot.Owners), StringComparer.Ordinal)
            .Select(same =>
                $"Slots {Output.SlotText.Of(same.Select(slot => slot.Slot))} are owned by {same.Key} at once{Older(same.First().Slot)}."));
        return problems;
    }

    private string Older(Slot slot)
    {
        var byEpoch = _owners[slot.Value].OrderBy(owner => EpochOf(slot, owner).Value).ToArray();
        var (first, last) = (byEpoch[0], byEpoch[^1]);
        return EpochOf(slot, first) < EpochOf(slot, last)
            ? $": {first} since epoch {EpochOf(slot, first)}, {last} since epoch {EpochOf(slot, last)}, so {first} lost the commits that "
                + "handed them over"
            : "";
    }

    /// <summary>A slot between two owners: one shard has released it, and the other does not own it yet.</summary>
    internal sealed record Handover(Slot Slot, ShardId From, ShardId To, Epoch Epoch, long VersionFloor);
}

/// <summary>Reads the ownership of slots from all shards.</summary>
internal static class ClusterOwnership
{
    /// <exception cref="ShardUnreachableException">A shard does not answer; the answers of all shards are needed.</exception>
    public static async Task<OwnershipMap> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        OwnershipMap.Of(await Reach.AllAsync(shards, shard => ShardOwnershipStore.ReadRunsAsync(session.Source(shard), cancellation)));
}
