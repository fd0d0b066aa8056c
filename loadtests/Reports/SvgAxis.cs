namespace LoadTests.Reports;

/// <summary>The vertical axis of a chart: from zero to a round number, or from one power of ten to another.</summary>
internal sealed class SvgAxis
{
    private const int LinearTicks = 4;

    private static readonly int[] Steps = [1, 2, 4, 5, 8, 10];

    private readonly double _least;
    private readonly double _most;
    private readonly bool _isLogarithmic;

    private SvgAxis(double least, double most, bool isLogarithmic) => (_least, _most, _isLogarithmic) = (least, most, isLogarithmic);

    public static SvgAxis Linear(double most) => new(0, Nice(most), isLogarithmic: false);

    /// <summary>An axis for values that differ by orders of magnitude, such as latencies.</summary>
    public static SvgAxis Logarithmic(double least, double most)
    {
        var from = Math.Floor(Math.Log10(Math.Max(least, 1e-3)));
        return new SvgAxis(from, Math.Max(from + 1, Math.Ceiling(Math.Log10(Math.Max(most, 1e-3)))), isLogarithmic: true);
    }

    public IEnumerable<double> Ticks => _isLogarithmic
        ? Enumerable.Range(0, (int)(_most - _least) + 1).Select(power => Math.Pow(10, _least + power))
        : Enumerable.Range(0, LinearTicks + 1).Select(tick => _most * tick / LinearTicks);

    /// <returns>0 at the bottom, 1 at the top.</returns>
    public double Share(double value) => _isLogarithmic
        ? Math.Clamp((Math.Log10(Math.Max(value, 1e-9)) - _least) / (_most - _least), 0, 1)
        : value / _most;

    /// <summary>The next number that is 1, 2, 4, 5 or 8 times a power of ten: its quarters are round too.</summary>
    private static double Nice(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(value, 1e-9))));
        return power * Steps.First(step => step * power >= value * 0.999);
    }
}
