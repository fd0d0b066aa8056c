using System.Diagnostics;
using System.Diagnostics.Metrics;
using ShardRouter.Outcomes;

namespace ShardRouter.Telemetry;

/// <summary>The metrics of this router. The operations port shows them at /metrics.</summary>
internal sealed class RouterMetrics : IDisposable
{
    public const string MeterName = "Sharding.Router";

    private readonly Meter _meter = new(MeterName);
    private readonly Histogram<double> _shardDuration;
    private readonly Counter<long> _shardErrors;
    private readonly Histogram<int> _gathered;
    private readonly Counter<long> _alone;
    private readonly Counter<long> _fenced;
    private readonly Counter<long> _ringRead;
    private readonly Counter<long> _ringRefused;
    private readonly Counter<long> _losses;
    private readonly Counter<long> _standbyReads;
    private readonly Counter<long> _standbyFallbacks;

    public RouterMetrics()
    {
        _shardDuration = _meter.CreateHistogram(
            "sharding.shard.operation.duration", "s",
            "Time of one call of a shard, or of one operation in a shared statement, by shard and operation. Waiting is included.",
            tags: null,
            new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
            });
        _shardErrors = _meter.CreateCounter<long>(
            "sharding.shard.operation.errors", "{error}",
            "Calls of a shard, or operations in a shared statement, without an answer, by shard and kind. Each counts once.");
        _gathered = _meter.CreateHistogram(
            "sharding.gather.size", "{operation}", "Operations that went to a shard in one statement.",
            tags: null, new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128] });
        _alone = _meter.CreateCounter<long>(
            "sharding.gather.alone", "{operation}",
            "Operations that were carried out alone, because the statement in which they had gone together was rolled back.");
        _fenced = _meter.CreateCounter<long>(
            "sharding.fence.refusals", "{operation}", "Operations that a shard refused because it does not own the slot.");
        _ringRead = _meter.CreateCounter<long>(
            "sharding.ring.read", "{document}", "Looks that read the whole ring. All other looks read only its checksum.");
        _ringRefused = _meter.CreateCounter<long>("sharding.ring.refused", "{document}", "Ring documents that were refused.");
        _standbyReads = _meter.CreateCounter<long>("sharding.standby.reads", "{read}", "Reads that a standby of the shard answered.");
        _standbyFallbacks = _meter.CreateCounter<long>(
            "sharding.standby.fallbacks", "{read}",
            "Reads that a standby might have answered but that went to the primary, by shard and reason.");
        var version = new KeyValuePair<string, object?>("version", ProductVersion.Text);
        _meter.CreateObservableGauge(
            "sharding.build.info", () => new Measurement<int>(1, version), description: "Always 1; its label is the version of the router.");
        _losses = _meter.CreateCounter<long>(
            "sharding.shard.losses", "{loss}", "How often a shard came back without commits that were seen before.");
    }

    /// <summary>A gauge reads its value only when somebody collects the metrics. So requests pay nothing for it.</summary>
    public void Observe(
        Func<long> ringEpoch, Func<int> inFlight, Func<IEnumerable<Measurement<int>>> poolInUse,
        Func<IEnumerable<Measurement<int>>> poolWaiting, Func<IEnumerable<Measurement<int>>> shardAvailable,
        Func<IEnumerable<Measurement<int>>> gatherWaiting, Func<int> held, Func<int> redisAvailable,
        Func<IEnumerable<Measurement<int>>> lostCommits, Func<IEnumerable<Measurement<int>>> disagreeingSlots,
        Func<IEnumerable<Measurement<int>>> abandoned, Func<long> payload)
    {
        _meter.CreateObservableGauge("sharding.ring.epoch", ringEpoch, description: "Epoch of the ring in use; 0: none.");
        _meter.CreateObservableGauge("sharding.requests.in_flight", inFlight, "{request}");
        _meter.CreateObservableGauge("sharding.shard.pool.in_use", poolInUse, "{connection}", "Connections of a shard that are busy.");
        _meter.CreateObservableGauge(
            "sharding.shard.pool.waiting", poolWaiting, "{request}", "Requests that wait for a connection of a shard.");
        _meter.CreateObservableGauge(
            "sharding.shard.available", shardAvailable,
            description: "1: the shard's circuit is closed; 0: its requests answer 503 at once.");
        _meter.CreateObservableGauge(
            "sharding.gather.waiting", gatherWaiting, "{operation}",
            "Operations that wait to go to a shard together, by shard and operation.");
        _meter.CreateObservableGauge(
            "sharding.slots.held", held, "{request}", "Writes, and refused reads, that wait until their slot has been handed over.");
        _meter.CreateObservableGauge(
            "sharding.redis.available", redisAvailable,
            description: "1: Redis answered the last look for a new ring (one look a second). 0: the ring in use may be old.");
        _meter.CreateObservableGauge(
            "sharding.shard.lost_commits", lostCommits,
            description: "1: the shard lost commits, and nobody has accepted that yet (shardadmin accept-loss).");
        _meter.CreateObservableGauge(
            "sharding.shard.pool.abandoned", abandoned, "{connection}",
            "Connections whose call hangs and for which nobody waits any more.");
        _meter.CreateObservableGauge("sharding.payload.held", payload, "By", "Bodies and answers that the router holds now.");
        _meter.CreateObservableGauge(
            "sharding.shard.disagreeing_slots", disagreeingSlots,
            description: "Slots about whose owner the shard and the ring have disagreed for more than 5 s.");
    }

    public void ShardAnswered(string shard, string operation, long startedAt) => _shardDuration.Record(
        Stopwatch.GetElapsedTime(startedAt).TotalSeconds,
        new KeyValuePair<string, object?>("shard", shard), new KeyValuePair<string, object?>("operation", operation));

    public void ShardFailed(string shard, ShardFailure kind) => _shardErrors.Add(
        1, new KeyValuePair<string, object?>("shard", shard), new KeyValuePair<string, object?>("kind", kind.ToString()));

    public void Gathered(string shard, string operation, int operations) => _gathered.Record(
        operations, new KeyValuePair<string, object?>("shard", shard), new KeyValuePair<string, object?>("operation", operation));

    public void Alone(string shard, string operation, int operations) => _alone.Add(
        operations, new KeyValuePair<string, object?>("shard", shard), new KeyValuePair<string, object?>("operation", operation));

    public void StandbyRead(string shard) => _standbyReads.Add(1, new KeyValuePair<string, object?>("shard", shard));

    public void StandbyFellBack(string shard, string reason) => _standbyFallbacks.Add(
        1, new KeyValuePair<string, object?>("shard", shard), new KeyValuePair<string, object?>("reason", reason));

    public void Fenced(string shard) => _fenced.Add(1, new KeyValuePair<string, object?>("shard", shard));

    public void ShardLostCommits(string shard) => _losses.Add(1, new KeyValuePair<string, object?>("shard", shard));

    public void RingRead() => _ringRead.Add(1);

    public void RingRefused() => _ringRefused.Add(1);

    public void Dispose() => _meter.Dispose();
}
