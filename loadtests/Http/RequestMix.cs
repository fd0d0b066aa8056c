using LoadTests.Benches;

namespace LoadTests.Http;

/// <summary>A mix of requests.</summary>
/// <param name="requests">The requests with their percentages, which add up to 100.</param>
internal sealed class RequestMix(params (IHttpRequest Request, int Percent)[] requests)
{
    private const string SessionHeaders = "Read-Consistency: session\r\nSession-Token: 1.1.s1:1:1\r\n";

    public static RequestMix Gets { get; } = new((new GetItem(ItemSet.Bench), 100));

    /// <summary>Each shows an API key.</summary>
    public static RequestMix GetsWith(string key) => new((new GetItem(ItemSet.Bench, $"Authorization: Bearer {key}\r\n"), 100));

    public static RequestMix Puts { get; } = new((new PutItem(ItemSet.Bench), 100));

    /// <summary>Requests with a token. The shard is already beyond its position: it checks the token and returns another one.</summary>
    public static RequestMix SessionGets { get; } = new((new GetItem(ItemSet.Bench, SessionHeaders), 100));

    /// <inheritdoc cref="SessionGets" />
    public static RequestMix SessionPuts { get; } = new((new PutItem(ItemSet.Bench, SessionHeaders), 100));

    /// <summary>80 % GET, 20 % PUT.</summary>
    public static RequestMix Mixed { get; } = MixedOf(ItemSet.Bench);

    public static RequestMix Constant { get; } = new((new GetConstant(), 100));

    /// <summary>Like <see cref="Mixed"/>, but half of all requests are about items of one partition.</summary>
    public static RequestMix HotPartition { get; } = new(
        (new GetItem(ItemSet.Bench), 40), (new PutItem(ItemSet.Bench), 10), (new GetItem(ItemSet.Hot), 40), (new PutItem(ItemSet.Hot), 10));

    public static RequestMix MixedOf(ItemSet items) => new((new GetItem(items), 80), (new PutItem(items), 20));

    /// <summary>80 % GET, 20 % PUT of items that have indexes, or may have them soon.</summary>
    public static RequestMix MixedOf(RankedItems items) => new((new GetItem(ItemSet.Of(items)), 80), (new PutRanked(items), 20));

    public static RequestMix PutsOf(RankedItems items) => new((new PutRanked(items), 100));

    public IHttpRequest Next(Random random)
    {
        var chosen = requests.Length == 1 ? 0 : random.Next(100);
        foreach (var (request, percent) in requests)
            if ((chosen -= percent) < 0)
                return request;
        return requests[^1].Request;
    }
}
