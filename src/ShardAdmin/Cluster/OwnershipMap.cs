using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>What all shards together say of the slots. Pure; the shards decide, so this is what the ring has to agree with.</summary>
internal sealed class OwnershipMap
{
    private readonly List<ShardId>[] _owners; // by slot; exactly one each when all is well
    private readonly IReadOnlyDictionary<(Slot, ShardId), Epoch> _epochs; // of owners, and of those who released the slot

    private OwnershipMap(List<ShardId>[] owners, IReadOnlyDictionary<(Slot, ShardId), Epoch> epochs, IReadOnlyList<Handover> unfinished, long highestEpoch)
    {
        _owners = owners;
        _epochs = epochs;
        Unfinished = unfinished;
        HighestEpoch = highestEpoch;
    }

    /// <summary>Slots without an owner whose last owner released them to a shard that has not taken them yet.</summary>
    public IReadOnlyList<Handover> Unfinished { get; }

    /// <summary>0 when no shard says anything of any slot.</summary>
    public long HighestEpoch { get; }

    public IEnumerable<Slot> Unowned => Slot.All.Where(slot => _owners[slot.Value].Count == 0);

    public IEnumerable<(Slot Slot, IReadOnlyList<ShardId> Owners)> OwnedTwice =>
        Slot.All.Where(slot => _owners[slot.Value].Count > 1).Select(slot => (slot, (IReadOnlyList<ShardId>)_owners[slot.Value]));

    public bool IsComplete => Array.TrueForAll(_owners, owners => owners.Count == 1);

    public IReadOnlyList<ShardId> OwnersOf(Slot slot) => _owners[slot.Value];

    /// <summary>The epoch at which a shard that owns the slot came to own it.</summary>
    public Epoch EpochOf(Slot slot, ShardId owner) => _epochs[(slot, owner)];

    /// <summary>The owner that is to stand in a ring that follows this one, also when not every shard was asked.</summary>
    /// <remarks>
    /// A shard that lost its last commits says that it owns what it gave away. So another owner than the ring's is believed only if it
    /// came to own the slot after that ring was
    /// made, or if the ring's owner itself says that it released the slot, and not later than the other came to own it. Of two who own
    /// a slot the later one is right.
    /// </remarks>
    public ShardId BelievedOwner(Slot slot, ShardRing ring)
    {
        var (known, owners) = (ring.OwnerOf(slot).Id, _owners[slot.Value]);
        if (owners.Count == 0)
            return known;
        var latest = owners.MaxBy(owner => EpochOf(slot, owner).Value);
        var hasProof = owners.Contains(known)
            ? EpochOf(slot, latest) > EpochOf(slot, known)
            : EpochOf(slot, latest) > ring.Epoch || (_epochs.TryGetValue((slot, known), out var released) && released <= EpochOf(slot, latest));
        return hasProof ? latest : known;
    }

    /// <summary>One owner a slot, in slot order.</summary>
    /// <exception cref="InvalidOperationException">Not <see cref="IsComplete"/>.</exception>
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
        return new OwnershipMap(owners, epochs, unfinished, byShard.Values.SelectMany(runs => runs).Select(run => run.Epoch.Value).DefaultIfEmpty().Max());
    }

    /// <summary>Every slot that has not exactly one owner, as sentences; empty when all is well.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (Unowned.Any())
            problems.Add($"Slots {Output.SlotText.Of(Unowned)} are owned by no shard.");
        problems.AddRange(OwnedTwice
            .GroupBy(slot => string.Join(" and ", slot.Owners), StringComparer.Ordinal)
            .Select(same => $"Slots {Output.SlotText.Of(same.Select(slot => slot.Slot))} are owned by {same.Key} at once{Older(same.First().Slot)}."));
        return problems;
    }

    private string Older(Slot slot)
    {
        var byEpoch = _owners[slot.Value].OrderBy(owner => EpochOf(slot, owner).Value).ToArray();
        var (first, last) = (byEpoch[0], byEpoch[^1]);
        return EpochOf(slot, first) < EpochOf(slot, last)
            ? $": {first} since epoch {EpochOf(slot, first)}, {last} since epoch {EpochOf(slot, last)}, so {first} lost commits in which it gave them away"
            : "";
    }

    /// <summary>A slot on its way: released by one shard, not yet owned by the other.</summary>
    internal sealed record Handover(Slot Slot, ShardId From, ShardId To, Epoch Epoch, long VersionFloor);
}
