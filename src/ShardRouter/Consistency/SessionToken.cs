using ShardCore.Ring;

namespace ShardRouter.Consistency;

/// <summary>What a session has seen or written, as far as a later read has to know it.</summary>
/// <remarks>
/// Two kinds of facts, of which each is needed (docs/adr/0023-reads-from-standbys.md has the argument):
/// 1. For each shard a place in its log. A server that has applied the log up to there has all that the session saw of it.
/// 2. For each slot the highest epoch under which the session saw it owned. A slot's epoch grows with every hand-over, so a standby
/// that says "owned" under a lower one tells of a time before the slot was given away, whatever its place in the log is. Epochs of
/// different slots say nothing of each other, because two movers may take the same one. Slots that are not listed have an upper bound
/// in common, <see cref="Floor"/>; too high a bound costs a question to the primary, and is never wrong.
/// A standby may show a commit that the primary does not show yet: it is in the log, and its session at the primary has not got so far (or
/// waits for a synchronous standby, which has it). So the place of what was seen at a standby is kept beside the other one, until
/// the primary is known to show all up to there (<see cref="VisibleCheck"/>).
/// A shard may stand there with several timelines until somebody has judged them (<see cref="TokenCheck"/>): the highest one alone
/// would hide that something of an earlier one was lost.
/// </remarks>
internal sealed class SessionToken
{
    /// <summary>Slots with an epoch of their own. Of more the lowest go into <see cref="Floor"/>.</summary>
    public const int MaxSlots = 32;

    /// <summary>Places in logs.</summary>
    public const int MaxPlaces = 256;

    /// <summary>A write was sent, and where its commit is was not learned: behind every place that is known of the timeline.</summary>
    public const ulong Unknown = ulong.MaxValue;

    private readonly SortedDictionary<int, long> _slots = [];
    private readonly SortedDictionary<(ShardId Shard, uint Timeline), ulong> _places = [];
    private readonly Dictionary<(ShardId Shard, uint Timeline), ulong> _shownByStandbys = [];

    /// <summary>No slot that is not listed was seen under a higher epoch.</summary>
    public long Floor { get; private set; } = Epoch.First.Value;

    public IReadOnlyDictionary<int, long> Slots => _slots;

    public IReadOnlyDictionary<(ShardId Shard, uint Timeline), ulong> Places => _places;

    /// <summary>At least the highest epoch under which the session saw the slot.</summary>
    public long EpochOf(int slot) => _slots.TryGetValue(slot, out var epoch) ? epoch : Floor;

    public void SeeSlot(int slot, long epoch)
    {
        if (epoch <= EpochOf(slot))
            return;
        _slots[slot] = epoch;
        if (_slots.Count > MaxSlots)
            RaiseFloor(_slots.Values.Min()); // the lowest: the floor rises as little as it can
    }

    public void RaiseFloor(long epoch)
    {
        Floor = Math.Max(Floor, epoch);
        foreach (var slot in _slots.Where(each => each.Value <= Floor).Select(each => each.Key).ToArray())
            _slots.Remove(slot);
    }

    public void SeePlace(ShardId shard, uint timeline, ulong lsn)
    {
        if (!_places.TryGetValue((shard, timeline), out var known) || known < lsn)
            _places[(shard, timeline)] = lsn;
    }

    /// <summary>A standby has shown what is up to here. The primary may not yet.</summary>
    public void SeeAtStandby(ShardId shard, uint timeline, ulong lsn)
    {
        SeePlace(shard, timeline, lsn);
        _shownByStandbys[(shard, timeline)] = Math.Max(ShownByStandbys(shard, timeline), lsn);
    }

    /// <returns>0: the primary shows all that the session has seen.</returns>
    public ulong ShownByStandbys(ShardId shard, uint timeline) => _shownByStandbys.GetValueOrDefault((shard, timeline));

    /// <summary>The primary shows all up to here.</summary>
    public void ShownByPrimary(ShardId shard, uint timeline, ulong lsn)
    {
        if (ShownByStandbys(shard, timeline) <= lsn)
            _shownByStandbys.Remove((shard, timeline));
    }

    /// <summary>The shard's primary has told its place after all that is <see cref="Unknown"/> here: that is known now.</summary>
    public void Settle(ShardId shard, uint timeline, ulong lsn)
    {
        if (_places.TryGetValue((shard, timeline), out var known) && known == Unknown)
            _places[(shard, timeline)] = lsn;
        else
            SeePlace(shard, timeline, lsn);
    }

    /// <returns>The place in a shard's log, of its highest timeline; null: the session has seen nothing of it.</returns>
    public (uint Timeline, ulong Lsn)? PlaceOf(ShardId shard)
    {
        (uint, ulong)? highest = null;
        foreach (var ((id, timeline), lsn) in _places)
            if (id == shard)
                highest = (timeline, lsn);
        return highest;
    }

    /// <summary>
    /// The log up to here has all places of the shard that stand here: one is enough. Of an earlier timeline a primary shows all that it
    /// has, because it had applied that before it was promoted.
    /// </summary>
    public void Replace(ShardId shard, uint timeline, ulong lsn)
    {
        var shown = ShownByStandbys(shard, timeline);
        Forget(shard);
        _places[(shard, timeline)] = lsn;
        if (shown > 0)
            _shownByStandbys[(shard, timeline)] = shown;
    }

    public void Forget(ShardId shard)
    {
        foreach (var place in _places.Keys.Where(place => place.Shard == shard).ToArray())
        {
            _places.Remove(place);
            _shownByStandbys.Remove(place);
        }
    }

    /// <summary>Takes over what another token of the same session knows.</summary>
    public void Merge(SessionToken other)
    {
        // First the bounds of slots of which the other one knows no more than its floor, then the floors.
        foreach (var (slot, epoch) in other._slots)
            SeeSlot(slot, epoch);
        RaiseFloor(other.Floor);
        foreach (var ((shard, timeline), lsn) in other._places)
            SeePlace(shard, timeline, lsn);
        foreach (var ((shard, timeline), lsn) in other._shownByStandbys)
            SeeAtStandby(shard, timeline, lsn);
    }

    /// <summary>As the client keeps it and sends it back.</summary>
    public override string ToString() => SessionTokenText.Write(this);
}
