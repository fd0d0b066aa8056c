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

    public static string Text(TimeSpan? left) => left switch
    {
        null => "",
        { TotalHours: >= 1 } time => $", about {(int)time.TotalHours} h {time.Minutes} min left",
        { TotalMinutes: >= 1 } time => $", about {time.Minutes} min {time.Seconds} s left",
        { } time => $", about {Math.Ceiling(time.TotalSeconds):0} s left",
    };
}
