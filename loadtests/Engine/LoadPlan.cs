namespace LoadTests.Engine;

/// <summary>The strength and the duration of a load.</summary>
/// <param name="Users">The number of sessions. In a closed loop all are busy; in an open loop at most this number is busy.</param>
/// <param name="RatePerSecond">Open loop: how many operations begin per second, even if earlier ones are not answered yet.
/// Null: closed loop; each user begins the next operation when the last one was answered.</param>
/// <param name="WarmUp">The time under the same load that is not measured.</param>
internal sealed record LoadPlan(int Users, double? RatePerSecond, TimeSpan WarmUp, TimeSpan Duration)
{
    /// <summary>True: failures are counted by kind, and the load continues. False: the first failure ends the run.</summary>
    public bool CountsFailures { get; init; }

    /// <summary>Whether the result has a <see cref="LoadSecond"/> for each second.</summary>
    public bool KeepsSeconds { get; init; }

    public static LoadPlan Closed(int users, TimeSpan warmUp, TimeSpan duration) => new(users, null, warmUp, duration);

    public static LoadPlan Open(double ratePerSecond, int users, TimeSpan warmUp, TimeSpan duration) => new(users, ratePerSecond, warmUp, duration);
}
