using System.Diagnostics.Metrics;
using ShardRouter.Callers;
using ShardRouter.Telemetry;

namespace ShardRouter.Access;

/// <summary>Whom this router turns away, and whether it lets everybody in.</summary>
internal sealed class AccessMetrics : IDisposable
{
    private readonly Meter _meter = new(RouterMetrics.MeterName);
    private readonly Counter<long> _refused;

    public AccessMetrics(AccessOptions options, KeyHolder keys)
    {
        _refused = _meter.CreateCounter<long>("sharding.access.refused", "{request}", "Requests that were not let in, by reason.");
        _meter.CreateObservableGauge(
            "sharding.access.open", () => options.IsOpen ? 1 : 0,
            description: "1: SHARDING_AUTH=open, everybody may read and write everything; 0: a key or a token is needed.");
        _meter.CreateObservableGauge(
            "sharding.access.keys", () => keys.Current?.Rows.Count ?? 0, "{key}", "API keys that are known, those that ended included.");
    }

    public void Refused(AccessRefusal reason) => _refused.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));

    public void Dispose() => _meter.Dispose();
}

internal enum AccessRefusal
{
    Missing,
    Malformed,
    UnknownKey,
    WrongSecret,
    ExpiredKey,
    RevokedKey,
    InvalidToken,
    ExpiredToken,
    TokenLacksClaim,
    KeysNotKnown,
    TooManyWait,
    Scope,
    Collection,
    Partition,
}
