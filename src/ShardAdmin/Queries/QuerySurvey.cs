using ShardAdmin.CommandLine;
using ShardCore.Queries;
using ShardCore.RingStorage;

namespace ShardAdmin.Queries;

/// <summary>What all routers together tell of queries. Each knows only those that it answered itself.</summary>
/// <param name="Answered">Ids of the routers that told.</param>
/// <param name="Silent">The routers that did not.</param>
internal sealed record QuerySurvey(
    IReadOnlyList<QueryCost> Queries, IReadOnlyList<string> Answered, IReadOnlyList<SilentRouter> Silent)
{
    /// <summary>A router that does not answer within this time is silent.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Of one router's answer. It has some hundred kilobytes at most.</summary>
    private const int MaxBytes = 4 * 1024 * 1024;

    /// <exception cref="RedisUnavailableException" />
    public static async Task<QuerySurvey> ReadAsync(AdminSession session, CancellationToken cancellation)
    {
        var routers = await session.Routers.ListAsync(cancellation);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = Limit })
        {
            Timeout = Limit,
            MaxResponseContentBufferSize = MaxBytes,
        };
        var answers = await Task.WhenAll(routers.Select(router => AskAsync(client, router, cancellation)));
        return new QuerySurvey(
            AddUp(answers.SelectMany(answer => answer.Report?.Queries ?? [])),
            [.. answers.Select(answer => answer.Report?.Router).OfType<string>()],
            [.. answers.Select(answer => answer.Silent).OfType<SilentRouter>()]);
    }

    /// <summary>Pure: shapes of several routers → each shape once.</summary>
    internal static IReadOnlyList<QueryCost> AddUp(IEnumerable<QueryCost> costs) =>
        [.. costs.GroupBy(cost => cost.Shape).Select(same => same.Aggregate(Together))];

    private static QueryCost Together(QueryCost one, QueryCost other) => new(
        one.Shape, one.IndexFields.All(field => field.Type is not null) ? one.IndexFields : other.IndexFields, one.Calls + other.Calls,
        one.LaterPages + other.LaterPages, one.Failed + other.Failed, one.BudgetStops + other.BudgetStops,
        one.Statements + other.Statements, one.Scanned + other.Scanned, one.Returned + other.Returned, one.ShardSeconds + other.ShardSeconds,
        Math.Max(one.LongestSeconds, other.LongestSeconds), one.Since < other.Since ? one.Since : other.Since,
        one.LastAt > other.LastAt ? one.LastAt : other.LastAt);

    private static async Task<(QueryCostReport? Report, SilentRouter? Silent)> AskAsync(
        HttpClient client, RouterHeartbeat router, CancellationToken cancellation)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri(router.OperationsUrl + "/admin/v1/queries"), cancellation);
            if (!answer.IsSuccessStatusCode)
                return (null, new SilentRouter(router.Id, router.OperationsUrl, $"It answered {(int)answer.StatusCode}."));
            return QueryCostReport.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation)) is { } report
                ? (report, null)
                : (null, new SilentRouter(router.Id, router.OperationsUrl, $"Version {router.Version} of it tells otherwise."));
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException or InvalidOperationException or NotSupportedException)
        {
            return (null, new SilentRouter(router.Id, router.OperationsUrl, e.Message.TrimEnd('.') + "."));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, new SilentRouter(router.Id, router.OperationsUrl, $"It did not answer within {Limit.TotalSeconds:0} s."));
        }
    }
}

/// <summary>A router that did not tell of its queries.</summary>
internal sealed record SilentRouter(string Router, string OperationsUrl, string Problem);
