using System.Globalization;

namespace Workbench;

/// <summary>Writes figures as people read them.</summary>
internal static class FigureText
{
    public static string Rate(double perSecond) => perSecond.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Time(TimeSpan? time) => time is not { } known ? "–" : known.TotalMilliseconds switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{known.TotalMicroseconds:0} µs"),
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{known.TotalMilliseconds:0.0} ms"),
        var milliseconds => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0} ms"),
    };

    public static string Number(double value) => value.ToString(Math.Abs(value) < 10 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
