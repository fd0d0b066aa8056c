using System.Globalization;

namespace ShardCore.Ring;

/// <summary>The number of a ring version. It only grows. The first ring of a cluster has epoch 1.</summary>
public readonly record struct Epoch : IComparable<Epoch>
{
    /// <param name="value">1 or more; below 2^53, because Redis' Lua computes in doubles.</param>
    public Epoch(long value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, 1L << 53);
        Value = value;
    }

    public static Epoch First => new(1);

    public long Value { get; }

    public Epoch Next() => new(Value + 1);

    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    public static bool operator <(Epoch left, Epoch right) => left.Value < right.Value;
    public static bool operator >(Epoch left, Epoch right) => left.Value > right.Value;
    public static bool operator <=(Epoch left, Epoch right) => left.Value <= right.Value;
    public static bool operator >=(Epoch left, Epoch right) => left.Value >= right.Value;
}
