using System.Runtime.InteropServices;

namespace ShardCore.Moves.Throttling;

/// <summary>
/// Decides how fast a move may go, by how long it makes other clients wait. Each bad reading lowers the rate by a part. Good readings
/// raise it quickly to where it was before, and beyond that by ever larger steps, between a floor and a ceiling. It is a pure computation:
/// no clock, no I/O.
/// </summary>
/// <remarks>
/// That is the shape of CUBIC (RFC 9438). A disk that hiccups says nothing about the rate. To climb back by a tenth at a time would cost
/// too much: a move would creep if a quarter of the readings are slow anyway.
/// The baseline, which is the latency without the move, follows the readings. It follows a better latency at once. It follows a worse
/// latency slowly, and only if the latency stays worse although the move hardly does anything: then the move is not the cause, and would
/// otherwise crawl for ever.
/// WAL that piles up is more important than latency: if a replication slot is lost, the whole copy of a batch has to be made once more.
/// </remarks>
public sealed class ThrottleController
{
    private const double NearlyAll = 0.7;
    private const double BaselineFalls = 0.3;

    private readonly ThrottleLimits _limits;
    private bool _starting = true;
    private bool _wasSlow;
    private double _considerate;
    private double _tooMuch; // the rate at which the last slow readings came
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

    /// <summary>The assumed latency without the move.</summary>
    public TimeSpan Baseline { get; private set; }

    /// <summary>The limit: a higher latency is too slow.</summary>
    public TimeSpan BearableAt(double transactionsPerSecond) => Baseline * _limits.Tolerance + SlackAt(transactionsPerSecond);

    private TimeSpan SlackAt(double transactionsPerSecond)
    {
        var slack = _limits.WaitingMore / Math.Max(1, transactionsPerSecond);
        return TimeSpan.FromSeconds(Math.Clamp(slack, _limits.LeastSlack.TotalSeconds, _limits.MostSlack.TotalSeconds));
    }

    /// <summary>Whether the move must go as fast as it can, because WAL piles up at the source.</summary>
    public bool MustHurry { get; private set; }

    public void Observe(in ThrottleReading reading)
    {
        MustHurry = reading.Backlog >= _limits.HurryAtBacklog;
        if (reading.Latency is { } latency)
            Adapt(latency, BearableAt(reading.TransactionsPerSecond), reading.UsedBytesPerSecond);
        else
            (_considerate, _stepsBeyond) = (_limits.Floor, 0); // a shard that does not answer must not get more load
    }

    /// <summary>After enough slow readings at the floor, the lowest latency among them becomes the baseline.</summary>
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
            // If the move went slower than it was allowed to, the real speed is lowered: otherwise the reduction would have no effect.
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
        if (used >= _considerate * NearlyAll) // otherwise the rate is not what limits the move, and a higher rate would show nothing
            _considerate = Math.Min(_limits.Most, _starting ? _considerate * 2 : _considerate + Math.Max(_limits.Increase, More()));
    }

    private double More() =>
        _considerate < _tooMuch ? (_tooMuch - _considerate) * _limits.Recovery : _considerate * _limits.Growth * ++_stepsBeyond;
}

/// <summary>The measurements of one interval.</summary>
/// <param name="Latency">The latency of a small commit at the slowest of the shards; null: no commit was answered.</param>
/// <param name="Backlog">
/// The WAL that the source keeps for the move, as a part of what it may keep. At 1 the replication slot is lost.
/// </param>
/// <param name="UsedBytesPerSecond">How fast the move really went.</param>
/// <param name="TransactionsPerSecond">
/// All transactions per second at the busier shard, including the move's own few. They are the ones that the move could disturb.
/// </param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ThrottleReading(TimeSpan? Latency, double Backlog, double UsedBytesPerSecond, double TransactionsPerSecond);
