using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches.Overload;

/// <summary>The loads of the bench, on the items of some shards.</summary>
/// <param name="items">The items of each shard.</param>
/// <param name="settling">The begin of a load, which is not counted.</param>
internal sealed class OverloadLoads(BenchRun run, Uri router, IReadOnlyList<IReadOnlyList<int>> items, TimeSpan settling)
{
    private readonly IReadOnlyList<int> _all = [.. items.SelectMany(each => each)];

    public double CountedSeconds => run.Options.Duration.TotalSeconds;

    /// <param name="only">The numbers of the shards; null: all.</param>
    public Task<(OverloadOutcomes Outcomes, double PerSecond)> ClosedAsync(int users, int[]? only, CancellationToken cancellation) =>
        ClosedAsync(users, run.Options.Duration, only, cancellation);

    /// <summary>The most that the shards can do with so many users.</summary>
    public async Task<(OverloadOutcomes Outcomes, double PerSecond)> ClosedAsync(
        int users, TimeSpan duration, int[]? only, CancellationToken cancellation)
    {
        var outcomes = new OverloadOutcomes(settling);
        await run.LoadAsync(
            OverloadSession.Scenario("saturated", router, Of(only), outcomes), LoadPlan.Closed(users, settling, duration) with { CountsFailures = true }, cancellation);
        return (outcomes, outcomes.Accepted.Count / duration.TotalSeconds);
    }

    /// <param name="only">The numbers of the shards; null: all.</param>
    public async Task<(OverloadOutcomes Outcomes, double PerSecond, LoadResult Result)> OpenAsync(
        double rate, int users, CancellationToken cancellation, int[]? only = null)
    {
        var outcomes = new OverloadOutcomes(settling);
        var result = await run.LoadAsync(
            OverloadSession.Scenario("open", router, Of(only), outcomes),
            LoadPlan.Open(rate, users, settling, run.Options.Duration) with { CountsFailures = true }, cancellation);
        return (outcomes, outcomes.Accepted.Count / CountedSeconds, result);
    }

    /// <returns>
    /// How many seconds it took until the p99 of a second was below the limit and nothing failed in it; null: longer than it was watched.
    /// </returns>
    public async Task<int?> RecoverAsync(double rate, int users, TimeSpan watched, TimeSpan limit, int[]? only, CancellationToken cancellation)
    {
        var result = await run.LoadAsync(
            OverloadSession.Scenario("after", router, Of(only), outcomes: null),
            LoadPlan.Open(rate, users, TimeSpan.Zero, watched) with { CountsFailures = true, KeepsSeconds = true }, cancellation);
        var first = result.Seconds.ToList().FindIndex(second => second.P99 <= limit && second.Failed == 0);
        return first < 0 ? null : first + 1;
    }

    private IReadOnlyList<int> Of(int[]? only) => only is null ? _all : [.. only.SelectMany(shard => items[shard])];
}
