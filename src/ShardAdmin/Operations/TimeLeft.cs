using System.Diagnostics;

namespace ShardAdmin.Operations;

/// <summary>Estimates the time that is left from the speed since this object was made.</summary>
internal sealed class TimeLeft
{
    /// <summary>A smaller finished share does not allow an estimate yet.</summary>
    private const double LeastShare = 0.02;

    private readonly long _began = Stopwatch.GetTimestamp();
    private double? _first;

    /// <param name="share">The share of the whole, 0…1, that is done now.</param>
    /// <returns>Null: no estimate is possible yet.</returns>
    public TimeSpan? At(double share) => At(share, Stopwatch.GetElapsedTime(_began));

    internal TimeSpan? At(double share, TimeSpan elapsed)
    {
        _first ??= share;
        var done = share - _first.Value;
        return done < LeastShare ? null : elapsed / done * Math.Max(0, 1 - share);
    }

    public static string Text(TimeSpan? left) => left is { } time && time > TimeSpan.Zero ? $", about {About(time)} left" : "";

    /// <summary>A time as text, as precise as an estimate can be.</summary>
    public static string About(TimeSpan time) => time switch
    {
        { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes} min",
        { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds} s",
        _ => $"{Math.Ceiling(time.TotalSeconds):0} s",
    };
}
