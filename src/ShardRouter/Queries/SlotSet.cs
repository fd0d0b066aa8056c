using System.Collections;
using System.Globalization;
using ShardCore.Ring;

namespace ShardRouter.Queries;

/// <summary>Some of the 16,384 slots. To SQL it goes as bits, and it comes back as an int4multirange.</summary>
internal sealed class SlotSet
{
    private readonly BitArray _has;

    private SlotSet(BitArray has) => _has = has;

    public static SlotSet None => new(new BitArray(Slot.Count));

    public static SlotSet All => new(new BitArray(Slot.Count, defaultValue: true));

    public bool IsEmpty => !_has.HasAnySet();

    public int Count => CountUpTo(Slot.Count - 1);

    public static SlotSet Of(Slot slot)
    {
        var has = new BitArray(Slot.Count);
        has[slot.Value] = true;
        return new SlotSet(has);
    }

    /// <param name="first">The number of the first slot.</param>
    /// <param name="end">The number of the first one behind it.</param>
    public static SlotSet Range(int first, int end)
    {
        var has = new BitArray(Slot.Count);
        for (var slot = first; slot < end; slot++)
            has[slot] = true;
        return new SlotSet(has);
    }

    /// <param name="multirange">As Postgres prints it, such as <c>{[0,5),[9,10)}</c>.</param>
    public static SlotSet Parse(string multirange)
    {
        var has = new BitArray(Slot.Count);
        foreach (var range in multirange.Split(['{', '}', '[', ')'], StringSplitOptions.RemoveEmptyEntries))
            if (range.Split(',', StringSplitOptions.RemoveEmptyEntries) is [var first, var end])
                for (var slot = Number(first); slot < Number(end); slot++)
                    has[slot] = true;
        return new SlotSet(has);
    }

    public SlotSet Minus(SlotSet other) => new(new BitArray(_has).And(new BitArray(other._has).Not()));

    public SlotSet And(SlotSet other) => new(new BitArray(_has).And(other._has));

    /// <summary>A bit for each slot, in the order of Postgres' <c>get_bit</c> of a bytea.</summary>
    public byte[] ToBits()
    {
        var bits = new byte[Slot.Count / 8];
        _has.CopyTo(bits, 0);
        return bits;
    }

    public SlotSet Or(SlotSet other) => new(new BitArray(_has).Or(other._has));

    public short[] ToArray() => [.. Enumerable.Range(0, Slot.Count).Where(slot => _has[slot]).Select(slot => (short)slot)];

    public Slot First()
    {
        for (var slot = 0; slot < Slot.Count; slot++)
            if (_has[slot])
                return new Slot(slot);
        throw new InvalidOperationException("No slot is in this set.");
    }

    public Slot Last()
    {
        for (var slot = Slot.Count - 1; slot >= 0; slot--)
            if (_has[slot])
                return new Slot(slot);
        throw new InvalidOperationException("No slot is in this set.");
    }

    /// <summary>The first slots of the set, as many as that if it has so many.</summary>
    public SlotSet Take(int most)
    {
        var has = new BitArray(Slot.Count);
        for (var (slot, taken) = (0, 0); slot < Slot.Count && taken < most; slot++)
            if (_has[slot])
                (has[slot], taken) = (true, taken + 1);
        return new SlotSet(has);
    }

    /// <summary>How many of its slots have this number, or a lower one.</summary>
    public int CountUpTo(int last)
    {
        var count = 0;
        for (var slot = 0; slot <= last; slot++)
            count += _has[slot] ? 1 : 0;
        return count;
    }

    /// <summary>Divides the set by the owners of its slots.</summary>
    public Dictionary<ShardId, SlotSet> ByOwner(ShardRing ring)
    {
        var owners = new Dictionary<ShardId, SlotSet>();
        for (var slot = 0; slot < Slot.Count; slot++)
        {
            if (!_has[slot])
                continue;
            var owner = ring.OwnerOf(new Slot(slot)).Id;
            if (!owners.TryGetValue(owner, out var set))
                owners.Add(owner, set = new SlotSet(new BitArray(Slot.Count)));
            set._has[slot] = true;
        }
        return owners;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
