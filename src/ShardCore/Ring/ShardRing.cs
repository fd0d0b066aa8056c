using System.Collections.Immutable;

namespace ShardCore.Ring;

/// <summary>
/// The ring: the owner of each of the 16,384 slots at one epoch. A ring is immutable. A change makes a new ring, which replaces the old
/// one as a whole; a request reads the ring once. Ownership is explicit and not computed from virtual nodes
/// (docs/adr/0002-explicit-slot-ownership.md).
/// </summary>
/// <remarks>
/// These invariants are checked once, here, and relied on everywhere: shard ids are unique and sorted; either there is no shard and no
/// slot has an owner (a new cluster), or every slot has exactly one owner among the shards.
/// </remarks>
public sealed class ShardRing
{
    private readonly Shard[] _owners; // by slot; empty when there is no shard
    private readonly Dictionary<string, Shard> _shardsById;

    private ShardRing(ClusterId cluster, Epoch epoch, ImmutableArray<Shard> shards, Shard[] owners)
    {
        Cluster = cluster;
        Epoch = epoch;
        Shards = shards;
        _owners = owners;
        _shardsById = shards.ToDictionary(shard => shard.Id.Value, StringComparer.Ordinal);
    }

    public ClusterId Cluster { get; }

    public Epoch Epoch { get; }

    /// <summary>All shards, by id. Shards that own nothing are included.</summary>
    public ImmutableArray<Shard> Shards { get; }

    /// <summary>Whether the ring has no shard yet: then nothing can be routed.</summary>
    public bool IsEmpty => Shards.IsEmpty;

    /// <param name="owners">The owner of each slot, 16,384 entries, or none when there is no shard.</param>
    /// <exception cref="ArgumentException">An invariant is broken; the message names the first.</exception>
    public static ShardRing Create(ClusterId cluster, Epoch epoch, IEnumerable<Shard> shards, IReadOnlyList<ShardId> owners)
    {
        var sorted = shards.OrderBy(shard => shard.Id).ToImmutableArray();
        for (var i = 1; i < sorted.Length; i++)
            if (sorted[i].Id == sorted[i - 1].Id)
                throw new ArgumentException($"Shard {sorted[i].Id} is listed twice.");
        if (sorted.IsEmpty)
            return owners.Count == 0 ? new ShardRing(cluster, epoch, sorted, []) : throw new ArgumentException(
                "Slots have owners but there is no shard.");
        if (owners.Count != Slot.Count)
            throw new ArgumentException($"{owners.Count} slots have an owner; a ring has {Slot.Count}.");

        var byId = sorted.ToDictionary(shard => shard.Id);
        var ownerBySlot = new Shard[Slot.Count];
        for (var slot = 0; slot < Slot.Count; slot++)
            ownerBySlot[slot] = byId.TryGetValue(owners[slot], out var owner)
                ? owner
                : throw new ArgumentException($"Slot {slot} is owned by '{owners[slot]}', which is not in the shard list.");
        return new ShardRing(cluster, epoch, sorted, ownerBySlot);
    }

    /// <exception cref="InvalidOperationException">The ring has no shard.</exception>
    public Shard OwnerOf(Slot slot) =>
        IsEmpty ? throw new InvalidOperationException("The ring has no shard yet.") : _owners[slot.Value];

    public Shard? Find(ShardId id) => _shardsById.GetValueOrDefault(id.Value);

    /// <summary>The owner of every slot, by slot; empty when there is no shard.</summary>
    public ImmutableArray<ShardId> Owners => [.. _owners.Select(owner => owner.Id)];

    public ImmutableArray<Slot> SlotsOf(ShardId id) =>
        [.. Enumerable.Range(0, _owners.Length).Where(slot => _owners[slot].Id == id).Select(slot => new Slot(slot))];

    /// <summary>The owners as the fewest runs, in slot order.</summary>
    public IEnumerable<SlotRun> Runs()
    {
        for (int first = 0, next; first < _owners.Length; first = next)
        {
            for (next = first + 1; next < _owners.Length && _owners[next].Id == _owners[first].Id;)
                next++;
            yield return new SlotRun(new Slot(first), new Slot(next - 1), _owners[first].Id);
        }
    }

    /// <summary>The next version of this ring, with other shards or other owners.</summary>
    public ShardRing Next(IEnumerable<Shard> shards, IReadOnlyList<ShardId> owners) => Create(Cluster, Epoch.Next(), shards, owners);
}
