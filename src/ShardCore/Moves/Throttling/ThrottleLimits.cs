namespace ShardCore.Moves.Throttling;

/// <summary>The limits and parameters of <see cref="ThrottleController"/>.</summary>
public sealed record ThrottleLimits
{
    /// <summary>
    /// The lowest rate, in bytes a second. A slower move would not end, and what it holds (WAL, journal rows) would stay.
    /// </summary>
    public double Floor { get; init; } = 1 << 20;

    /// <summary>The first rate, in bytes a second. It is doubled at each reading until the first one that is too slow.</summary>
    public double Start { get; init; } = 8 << 20;

    /// <summary>The highest rate, in bytes a second. It is also the rate of a move that must hurry.</summary>
    public double Most { get; init; } = 1 << 30;

    /// <summary>The smallest increase at a good reading, in bytes a second.</summary>
    public double Increase { get; init; } = 512 << 10;

    /// <summary>Below the rate that was too high, each good reading adds this part of the difference to it.</summary>
    public double Recovery { get; init; } = 0.6;

    /// <summary>
    /// Above that rate, the first good reading adds this part of the rate, the second twice as much, and so on: perhaps only a hiccup made
    /// the rate too high.
    /// </summary>
    public double Growth { get; init; } = 0.1;

    /// <summary>The part of the rate that is left after a reading that is too slow.</summary>
    public double Decrease { get; init; } = 0.7;

    /// <summary>This many times the latency without a move is tolerated …</summary>
    public double Tolerance { get; init; } = 1.2;

    /// <summary>
    /// … plus the delay that makes this many more transactions wait at any moment. By Little's law, the number is the delay times the
    /// transactions per second. Where there are few transactions to disturb, the move may go fast; where there are many, they must hardly
    /// notice it. It is three because a move at full speed has 100 to 150 transactions a second of its own, which are counted with the
    /// others.
    /// </summary>
    public double WaitingMore { get; init; } = 3;

    /// <summary>The smallest delay to add, so that a disk that answers within microseconds is not held to a lucky baseline.</summary>
    public TimeSpan LeastSlack { get; init; } = TimeSpan.FromMilliseconds(0.5);

    /// <summary>The largest delay to add, even if there are very few transactions.</summary>
    public TimeSpan MostSlack { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// If the source keeps more than this part of the WAL that it may keep for the move, the move goes as fast as it can, to end soon.
    /// </summary>
    public double HurryAtBacklog { get; init; } = 0.5;

    /// <summary>
    /// After this many slow readings in a row at the floor, the latency has another cause than the move, and becomes the new baseline.
    /// </summary>
    public int PatienceAtFloor { get; init; } = 10;
}
