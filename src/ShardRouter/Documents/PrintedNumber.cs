using System.Buffers.Text;
using System.Runtime.InteropServices;

namespace ShardRouter.Documents;

/// <summary>
/// How a JSON number looks when Postgres prints it: without an exponent, and with the zeros that it has at the end of its fraction.
/// </summary>
/// <param name="Digits">At most <see cref="DocumentRules.MaxDigits"/> are allowed. Leading zeros count here, as in <c>0e399</c>.</param>
/// <param name="Length">The exact number of printed bytes.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PrintedNumber(int Digits, int Length)
{
    /// <summary>A longer exponent would overflow the arithmetic here. A number with such an exponent cannot be stored anyway.</summary>
    private const int MaxExponentDigits = 9;

    /// <summary>Stands for a number that cannot be stored.</summary>
    private static readonly PrintedNumber Endless = new(int.MaxValue, int.MaxValue);

    /// <param name="number">A number in JSON's grammar.</param>
    public static PrintedNumber Of(ReadOnlySpan<byte> number)
    {
        var exponentAt = number.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = exponentAt < 0 ? number : number[..exponentAt];
        if (!TryReadExponent(exponentAt < 0 ? [] : number[(exponentAt + 1)..], out var exponent))
            return Endless;
        var isNegative = mantissa[0] == '-';
        if (isNegative)
            mantissa = mantissa[1..];
        var pointAt = mantissa.IndexOf((byte)'.');
        var whole = pointAt < 0 ? mantissa.Length : pointAt;
        var fraction = Math.Max(0, (pointAt < 0 ? 0 : mantissa.Length - pointAt - 1) - exponent);
        var firstAt = mantissa.IndexOfAnyInRange((byte)'1', (byte)'9');
        var zeros = firstAt < 0 ? whole + exponent // zeros before the first other digit; the point does not count
            : firstAt > whole ? firstAt - 1
            : firstAt;
        var printedWhole = Math.Max(1, whole + exponent - zeros);
        return new(
            Math.Max(1, whole + exponent) + fraction,
            (isNegative && firstAt >= 0 ? 1 : 0) + printedWhole + (fraction > 0 ? 1 + fraction : 0));
    }

    private static bool TryReadExponent(ReadOnlySpan<byte> text, out int exponent)
    {
        exponent = 0;
        if (text.IsEmpty)
            return true;
        if (text[0] == '+')
            text = text[1..];
        return text.Length <= MaxExponentDigits && Utf8Parser.TryParse(text, out exponent, out _);
    }
}
