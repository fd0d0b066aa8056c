using System.Diagnostics;

namespace ShardAdmin.Rebalancing;

/// <summary>Guesses the time that is left from how fast it went while we looked.</summary>
internal sealed class TimeLeft
{
    /// <summary>Less than this tells nothing yet.</summary>
    private const double LeastShare = 0.001;

    private readonly long _began = Stopwatch.GetTimestamp();
    private double? _first;

    /// <param name="share">Of the whole, 0…1, done by now.</param>
    /// <returns>Null: nobody knows.</returns>
    public TimeSpan? At(double share) => At(share, Stopwatch.GetElapsedTime(_began));

    internal TimeSpan? At(double share, TimeSpan elapsed)
    {
        _first ??= share;
        var done = share - _first.Value;
        return done < LeastShare ? null : elapsed / done * Math.Max(0, 1 - share);
    }

    public static string Text(TimeSpan? left) => left is { } time && time > TimeSpan.Zero ? $", about {About(time)} left" : "";

    /// <summary>A time that nobody knows better than that.</summary>
    public static string About(TimeSpan time) => time switch
    {
        { TotalHours: >= 1 } => $"{(int)time.TotalHours} h {time.Minutes} min",
        { TotalMinutes: >= 1 } => $"{time.Minutes} min {time.Seconds} s",
        _ => $"{Math.Ceiling(time.TotalSeconds):0} s",
    };
}
