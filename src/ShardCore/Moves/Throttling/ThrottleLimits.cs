namespace ShardCore.Moves.Throttling;

/// <summary>What <see cref="ThrottleController"/> keeps to.</summary>
public sealed record ThrottleLimits
{
    /// <summary>A move never goes slower: it would not end, and what it holds (WAL, journal rows) would stay. Bytes a second.</summary>
    public double Floor { get; init; } = 1 << 20;

    /// <summary>Bytes a second at the beginning, doubled at each reading until the first one that is too slow.</summary>
    public double Start { get; init; } = 8 << 20;

    /// <summary>Bytes a second at most; also the rate of a move that must hurry.</summary>
    public double Most { get; init; } = 1 << 30;

    /// <summary>Added at each good reading at least.</summary>
    public double Increase { get; init; } = 512 << 10;

    /// <summary>Below the rate that was too much, this part of what is missing to it is added at each good reading.</summary>
    public double Recovery { get; init; } = 0.6;

    /// <summary>Beyond it, this part of the rate at the first good reading, twice as much at the second, and so on: it may have been a hiccup that was too much.</summary>
    public double Growth { get; init; } = 0.1;

    /// <summary>What is left of the rate after a reading that is too slow.</summary>
    public double Decrease { get; init; } = 0.7;

    /// <summary>So many times the latency without a move are borne …</summary>
    public double Tolerance { get; init; } = 1.2;

    /// <summary>
    /// … and on top what makes so many transactions more wait at any moment. By Little's law that is the delay times the transactions a
    /// second: where there are few to be disturbed the move may go fast, where there are many it may hardly be noticed. Three, as a
    /// move at full speed has 100 to 150 transactions a second of its own, which are counted with the others.
    /// </summary>
    public double WaitingMore { get; init; } = 3;

    /// <summary>At least this on top, so that a disk that answers within microseconds is not held to its luck.</summary>
    public TimeSpan LeastSlack { get; init; } = TimeSpan.FromMilliseconds(0.5);

    /// <summary>At most this on top, however few there are.</summary>
    public TimeSpan MostSlack { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>From this part on of the WAL that the source may keep for the move, it goes as fast as it can to get it over with.</summary>
    public double HurryAtBacklog { get; init; } = 0.5;

    /// <summary>After so many slow readings in a row at the floor the latency is somebody else's, and is taken for normal by and by.</summary>
    public int PatienceAtFloor { get; init; } = 10;
}
