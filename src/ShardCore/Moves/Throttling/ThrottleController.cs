namespace ShardCore.Moves.Throttling;

/// <summary>
/// Decides how fast a move may go, from how it makes others wait: down by a part at each bad reading, up again quickly to
/// where it was before them, and beyond that by ever larger steps, between a floor and a ceiling. Pure: no clock, no I/O.
/// </summary>
/// <remarks>
/// That is the shape of CUBIC (RFC 9438). A disk that hiccups says nothing of the rate, and to climb back by a tenth at a time costs
/// so much that a move creeps where a quarter of the readings are slow whatever it does.
/// What is normal follows what is seen: at once when it is better, and slowly when it stays worse although the move hardly
/// does anything, because then the move is not the cause, and would otherwise crawl for ever. WAL that piles up outweighs
/// latency: a replication slot that is lost costs the whole copy of a batch once more.
/// </remarks>
public sealed class ThrottleController
{
    private const double NearlyAll = 0.7;
    private const double BaselineFalls = 0.3;

    private readonly ThrottleLimits _limits;
    private bool _starting = true;
    private bool _wasSlow;
    private double _considerate;
    private double _tooMuch; // where the last slow readings found it
    private int _stepsBeyond;
    private int _slowAtFloor;
    private TimeSpan _leastAtFloor;

    /// <param name="baseline">The latency without the move.</param>
    public ThrottleController(ThrottleLimits limits, TimeSpan baseline)
    {
        _limits = limits;
        Baseline = baseline;
        _considerate = limits.Start;
    }

    public double BytesPerSecond => MustHurry ? _limits.Most : _considerate;

    /// <summary>What is taken for the latency without the move.</summary>
    public TimeSpan Baseline { get; private set; }

    /// <summary>A latency of more than this is too slow.</summary>
    public TimeSpan BearableAt(double transactionsPerSecond) => Baseline * _limits.Tolerance + SlackAt(transactionsPerSecond);

    private TimeSpan SlackAt(double transactionsPerSecond)
    {
        var slack = _limits.WaitingMore / Math.Max(1, transactionsPerSecond);
        return TimeSpan.FromSeconds(Math.Clamp(slack, _limits.LeastSlack.TotalSeconds, _limits.MostSlack.TotalSeconds));
    }

    /// <summary>The WAL that piles up leaves no choice.</summary>
    public bool MustHurry { get; private set; }

    public void Observe(in ThrottleReading reading)
    {
        MustHurry = reading.Backlog >= _limits.HurryAtBacklog;
        if (reading.Latency is { } latency)
            Adapt(latency, BearableAt(reading.TransactionsPerSecond), reading.UsedBytesPerSecond);
        else
            (_considerate, _stepsBeyond) = (_limits.Floor, 0); // a shard that does not answer is not to be burdened
    }

    /// <summary>When patience is over, the least of what was seen meanwhile is normal.</summary>
    private void WaitAtFloor(TimeSpan latency)
    {
        _leastAtFloor = _slowAtFloor == 0 || latency < _leastAtFloor ? latency : _leastAtFloor;
        if (++_slowAtFloor < _limits.PatienceAtFloor)
            return;
        Baseline = _leastAtFloor;
        _slowAtFloor = 0;
    }

    private void Adapt(TimeSpan latency, TimeSpan bearable, double used)
    {
        if (latency > bearable)
        {
            _starting = false;
            if (_considerate <= _limits.Floor)
                WaitAtFloor(latency);
            // From what it did, if it did less than it might: the part to give up must be felt.
            var felt = Math.Min(_considerate, Math.Max(used, _limits.Floor));
            _tooMuch = _wasSlow ? _tooMuch : felt;
            _considerate = Math.Max(_limits.Floor, felt * _limits.Decrease);
            (_wasSlow, _stepsBeyond) = (true, 0);
            return;
        }
        _slowAtFloor = 0;
        _wasSlow = false;
        if (latency < Baseline)
            Baseline += (latency - Baseline) * BaselineFalls;
        if (used >= _considerate * NearlyAll) // else the rate is not what holds it back, and more says nothing
            _considerate = Math.Min(_limits.Most, _starting ? _considerate * 2 : _considerate + Math.Max(_limits.Increase, More()));
    }

    private double More() => _considerate < _tooMuch ? (_tooMuch - _considerate) * _limits.Recovery : _considerate * _limits.Growth * ++_stepsBeyond;
}
