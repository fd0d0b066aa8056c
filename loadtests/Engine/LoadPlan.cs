namespace LoadTests.Engine;

/// <summary>How hard, and for how long.</summary>
/// <param name="Users">Sessions: all busy in a closed loop, the most that are busy at once in an open one.</param>
/// <param name="RatePerSecond">Open loop: so many operations begin each second, whatever becomes of the earlier ones.
/// null: closed loop, each user begins the next operation when the last one has been answered.</param>
/// <param name="WarmUp">Under the same load, and not measured.</param>
internal sealed record LoadPlan(int Users, double? RatePerSecond, TimeSpan WarmUp, TimeSpan Duration)
{
    /// <summary>Operations that fail are counted by kind, and the load goes on; else the first ends the run.</summary>
    public bool CountsFailures { get; init; }

    /// <summary>Keeps a <see cref="LoadSecond"/> for each second.</summary>
    public bool KeepsSeconds { get; init; }

    public static LoadPlan Closed(int users, TimeSpan warmUp, TimeSpan duration) => new(users, null, warmUp, duration);

    public static LoadPlan Open(double ratePerSecond, int users, TimeSpan warmUp, TimeSpan duration) => new(users, ratePerSecond, warmUp, duration);
}
