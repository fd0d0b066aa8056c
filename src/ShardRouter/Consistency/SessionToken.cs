using ShardCore.Ring;

namespace ShardRouter.Consistency;

/// <summary>Everything that a session has seen or written, as far as its later reads need it.</summary>
/// <remarks>
/// A token has two kinds of facts, and both are needed (docs/adr/0023-reads-from-standbys.md has the argument):
/// 1. For each shard a place in its log. A server that has applied the log up to there has everything that the session saw of the shard.
/// 2. For each slot the highest epoch under which the session saw it owned. A slot's epoch grows with every hand-over. So a standby that
///    says "owned" under a lower epoch tells of a time before the slot was given away, whatever its place in the log is. Epochs of
///    different slots say nothing about each other, because two movers may take the same one. All slots that are not listed share one
///    upper bound, <see cref="Floor"/>. A bound that is too high costs a question to the primary, and is never wrong.
/// A standby may show a commit that the primary does not show yet: the commit is in the log, but the writer's database
/// session at the primary has not got so far (or waits for a synchronous standby, which has the commit). So the token keeps the place that
/// was seen at a standby beside the other one, until the primary is known to show everything up to there (<see cref="VisibleCheck"/>).
/// A token may have several timelines of a shard until <see cref="TokenCheck"/> has judged them: the highest one alone would hide that
/// something on an earlier one was lost.
/// </remarks>
internal sealed class SessionToken
{
    /// <summary>How many slots have an epoch of their own. If there are more, the lowest epochs go into <see cref="Floor"/>.</summary>
    public const int MaxSlots = 32;

    /// <summary>How many places in logs a token may have.</summary>
    public const int MaxPlaces = 256;

    /// <summary>
    /// The place of a write that was sent and whose commit was not located. It counts as later than every known place of the timeline.
    /// </summary>
    public const ulong Unknown = ulong.MaxValue;

    private readonly SortedDictionary<int, long> _slots = [];
    private readonly SortedDictionary<(ShardId Shard, uint Timeline), ulong> _places = [];
    private readonly Dictionary<(ShardId Shard, uint Timeline), ulong> _shownByStandbys = [];

    /// <summary>The session saw every slot that is not listed under this epoch or a lower one.</summary>
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
            RaiseFloor(_slots.Values.Min()); // the lowest epoch, so the floor rises as little as possible
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

    /// <summary>A standby has shown everything up to here. The primary may not show it yet.</summary>
    public void SeeAtStandby(ShardId shard, uint timeline, ulong lsn)
    {
        SeePlace(shard, timeline, lsn);
        _shownByStandbys[(shard, timeline)] = Math.Max(ShownByStandbys(shard, timeline), lsn);
    }

    /// <returns>0: the primary shows all that the session has seen.</returns>
    public ulong ShownByStandbys(ShardId shard, uint timeline) => _shownByStandbys.GetValueOrDefault((shard, timeline));

    /// <summary>The primary shows everything up to here.</summary>
    public void ShownByPrimary(ShardId shard, uint timeline, ulong lsn)
    {
        if (ShownByStandbys(shard, timeline) <= lsn)
            _shownByStandbys.Remove((shard, timeline));
    }

    /// <summary>
    /// The shard's primary told this place after the writes whose place is <see cref="Unknown"/> here. So the place replaces Unknown.
    /// </summary>
    public void Settle(ShardId shard, uint timeline, ulong lsn)
    {
        if (_places.TryGetValue((shard, timeline), out var known) && known == Unknown)
            _places[(shard, timeline)] = lsn;
        else
            SeePlace(shard, timeline, lsn);
    }

    /// <returns>The place in the shard's log on its highest timeline; null: the session has seen nothing of the shard.</returns>
    public (uint Timeline, ulong Lsn)? PlaceOf(ShardId shard)
    {
        (uint, ulong)? highest = null;
        foreach (var ((id, timeline), lsn) in _places)
            if (id == shard)
                highest = (timeline, lsn);
        return highest;
    }

    /// <summary>
    /// Keeps this place of the shard instead of all others, because the log up to here has them all. What standbys showed on an earlier
    /// timeline is forgotten: a primary shows everything that it has of an earlier timeline, because it had applied that before it was
    /// promoted.
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

    /// <summary>Adds what another token of the same session knows.</summary>
    public void Merge(SessionToken other)
    {
        // The slots come first. Then the floor of the other token removes every slot that it covers.
        foreach (var (slot, epoch) in other._slots)
            SeeSlot(slot, epoch);
        RaiseFloor(other.Floor);
        foreach (var ((shard, timeline), lsn) in other._places)
            SeePlace(shard, timeline, lsn);
        foreach (var ((shard, timeline), lsn) in other._shownByStandbys)
            SeeAtStandby(shard, timeline, lsn);
    }

    /// <summary>The text that the client keeps and sends back.</summary>
    public override string ToString() => SessionTokenText.Write(this);
}
