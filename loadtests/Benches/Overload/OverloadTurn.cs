using LoadTests.Engine;

namespace LoadTests.Benches.Overload;

/// <summary>The figures of one turn: peak, half of it, twice of it, and half of it again.</summary>
/// <param name="Peak">The most right answers a second that the shards can give.</param>
/// <param name="Goodput">Right answers a second at twice the peak.</param>
/// <param name="Normal">The p99 at half of the peak.</param>
/// <param name="Refused">The p99 of refusals.</param>
/// <param name="RefusedPerSecond">How many were refused at twice the peak.</param>
/// <param name="Failed">Answers that were neither right nor refusals.</param>
/// <param name="Recovered">How many seconds after the overload the latency was as at half of the peak before; null: not while it was watched.</param>
internal sealed record OverloadTurn(
    double Peak, double Goodput, TimeSpan Normal, Latency Accepted, TimeSpan Refused, double RefusedPerSecond, IReadOnlyList<FailureCount> Failed, int? Recovered)
{
    public double GoodputRatio => Goodput / Peak;

    public double LatencyRatio => Accepted.P99!.Value / Normal;
}
