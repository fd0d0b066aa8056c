using System.Diagnostics;
using System.Diagnostics.Metrics;
using ShardRouter.Callers;
using ShardRouter.Refusals;
using ShardRouter.Telemetry;

namespace ShardRouter.Limits;

/// <summary>
/// What one caller and one partition may ask of this router. A request counts once, at the door; what a batch has besides counts when its
/// body has been read. A router knows nothing of the others, so each has limits of its own.
/// </summary>
internal sealed class RequestLimits : IDisposable
{
    private const string CallerPolicy = "caller";
    private const string PartitionPolicy = "partition";

    private readonly Meter _meter = new(RouterMetrics.MeterName);
    private readonly Counter<long> _refused;
    private readonly RateTable? _callers;
    private readonly CountTable? _requests;
    private readonly RateTable? _partitions;

    public RequestLimits(LimitOptions options)
    {
        _callers = options.CallerRate > 0 ? new RateTable(options.CallerRate) : null;
        _requests = options.CallerRequests > 0 ? new CountTable(options.CallerRequests) : null;
        _partitions = options.PartitionRate > 0 ? new RateTable(options.PartitionRate) : null;
        _refused = _meter.CreateCounter<long>("sharding.limits.refused", "{request}", "Requests that were over a limit, by limit.");
    }

    /// <summary>Nothing is limited.</summary>
    public bool AreOff => _callers is null && _requests is null && _partitions is null;

    /// <summary>Lets a request pass, or not.</summary>
    /// <param name="partition">The partition key that its address names; null: none.</param>
    /// <param name="refusal">Why not.</param>
    /// <returns>The state of the caller's limit; null: it has none.</returns>
    public RateLimit? Admit(Caller caller, string? partition, out Problem? refusal)
    {
        var limit = TakeForCaller(caller, 1, out refusal);
        if (refusal is null && partition is not null)
            TakeForPartition(partition, 1, out refusal);
        return limit;
    }

    /// <summary>
    /// Counts for the caller what a batch has besides its first operation, and for each partition all: no address named it.
    /// </summary>
    /// <exception cref="ProblemException">rate-limited or hot-partition. Nothing of the batch may be carried out.</exception>
    public void RequireRest<T>(Caller caller, IReadOnlyList<T> operations, Func<T, string> partitionOf)
    {
        if (AreOff)
            return;
        if (operations.Count > 1)
            Require(TakeForCaller, caller, operations.Count - 1);
        if (_partitions is not null)
            foreach (var same in operations.CountBy<T, string>(partitionOf, StringComparer.Ordinal))
                Require(TakeForPartition, same.Key, same.Value);
    }

    /// <returns>False: too many requests of this caller are being answered. True: <see cref="Leave"/> must follow.</returns>
    public bool TryEnter(Caller caller)
    {
        if (_requests is null || caller.Identity is not { } identity || _requests.TryEnter(identity))
            return true;
        Count(CallerPolicy + "-requests");
        return false;
    }

    public void Leave(Caller caller)
    {
        if (_requests is not null && caller.Identity is { } identity)
            _requests.Leave(identity);
    }

    public Problem TooManyAtOnce() => Problems.TooManyAtOnce(_requests!.Most);

    public void Dispose() => _meter.Dispose();

    private delegate RateLimit? Taking<in T>(T of, int tokens, out Problem? refusal);

    private static void Require<T>(Taking<T> take, T of, int tokens)
    {
        take(of, tokens, out var refusal);
        if (refusal is not null)
            throw new ProblemException(refusal);
    }

    private RateLimit? TakeForCaller(Caller caller, int tokens, out Problem? refusal)
    {
        refusal = null;
        if (_callers is null || caller.Identity is not { } identity)
            return null;
        var taking = _callers.Take(identity, tokens, Stopwatch.GetTimestamp());
        var limit = new RateLimit(CallerPolicy, _callers.PerSecond, taking.Left, taking.Wait);
        if (!taking.IsTaken)
        {
            Count(CallerPolicy);
            refusal = Problems.RateLimited(limit);
        }
        return limit;
    }

    private RateLimit? TakeForPartition(string partition, int tokens, out Problem? refusal)
    {
        refusal = null;
        if (_partitions is null)
            return null;
        var taking = _partitions.Take(string.GetHashCode(partition, StringComparison.Ordinal), tokens, Stopwatch.GetTimestamp());
        var limit = new RateLimit(PartitionPolicy, _partitions.PerSecond, taking.Left, taking.Wait);
        if (!taking.IsTaken)
        {
            Count(PartitionPolicy);
            refusal = Problems.HotPartition(limit);
        }
        return limit;
    }

    private void Count(string limit) => _refused.Add(1, new KeyValuePair<string, object?>("limit", limit));
}
