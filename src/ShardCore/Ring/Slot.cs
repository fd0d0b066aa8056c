using System.Globalization;

namespace ShardCore.Ring;

/// <summary>One of the 16,384 equal arcs of the ring: the unit of ownership and of movement.</summary>
public readonly record struct Slot : IComparable<Slot>
{
    /// <summary>The number of slots of every ring. Stored data depends on it, so it must never change.</summary>
    public const int Count = 16_384;

    /// <param name="value">0…16383.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is not the number of a slot.</exception>
    public Slot(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, Count);
        Value = (ushort)value;
    }

    public ushort Value { get; }

    public static IEnumerable<Slot> All => Enumerable.Range(0, Count).Select(value => new Slot(value));

    public int CompareTo(Slot other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    public static bool operator <(Slot left, Slot right) => left.Value < right.Value;
    public static bool operator >(Slot left, Slot right) => left.Value > right.Value;
    public static bool operator <=(Slot left, Slot right) => left.Value <= right.Value;
    public static bool operator >=(Slot left, Slot right) => left.Value >= right.Value;
}
