using System.Globalization;
using System.Numerics;

namespace ShardRouter.Queries;

/// <summary>
/// An exact decimal number of any length, as Postgres' numeric prints it: digits, perhaps a sign and a point, no exponent.
/// </summary>
/// <param name="Digits">The number times ten to the power of <paramref name="Scale"/>.</param>
/// <param name="Scale">The digits behind the point.</param>
internal readonly record struct DecimalNumber(BigInteger Digits, int Scale) : IComparable<DecimalNumber>
{
    /// <summary>How many digits behind the point a quotient has, if its dividend does not have more.</summary>
    private const int QuotientScale = 16;

    public static DecimalNumber Zero => new(BigInteger.Zero, 0);

    public static DecimalNumber Parse(string text)
    {
        var point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0
            ? new DecimalNumber(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), 0)
            : new DecimalNumber(
                BigInteger.Parse(text.Remove(point, 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
                text.Length - point - 1);
    }

    public static DecimalNumber operator +(DecimalNumber left, DecimalNumber right)
    {
        var scale = Math.Max(left.Scale, right.Scale);
        return new DecimalNumber(left.At(scale) + right.At(scale), scale);
    }

    /// <summary>Rounded half away from zero.</summary>
    public DecimalNumber DividedBy(long divisor)
    {
        var scale = Math.Max(Scale, QuotientScale);
        var tenths = BigInteger.Divide(At(scale) * 10, divisor);
        return new DecimalNumber((tenths + (5 * tenths.Sign)) / 10, scale);
    }

    public int CompareTo(DecimalNumber other)
    {
        var scale = Math.Max(Scale, other.Scale);
        return At(scale).CompareTo(other.At(scale));
    }

    /// <summary>The shortest text of this value.</summary>
    public override string ToString()
    {
        var (digits, scale) = (Digits, Scale);
        while (scale > 0 && digits % 10 == 0)
            (digits, scale) = (digits / 10, scale - 1);
        var text = BigInteger.Abs(digits).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        return (digits.Sign < 0 ? "-" : "") + (scale == 0 ? text : text.Insert(text.Length - scale, "."));
    }

    private BigInteger At(int scale) => Digits * BigInteger.Pow(10, scale - Scale);

    public static bool operator <(DecimalNumber left, DecimalNumber right) => left.CompareTo(right) < 0;
    public static bool operator >(DecimalNumber left, DecimalNumber right) => left.CompareTo(right) > 0;
    public static bool operator <=(DecimalNumber left, DecimalNumber right) => left.CompareTo(right) <= 0;
    public static bool operator >=(DecimalNumber left, DecimalNumber right) => left.CompareTo(right) >= 0;
}
