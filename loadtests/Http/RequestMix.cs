namespace LoadTests.Http;

/// <summary>Which requests, and how often.</summary>
/// <param name="OtherPercent">So many of 100 requests are <paramref name="Other"/>.</param>
internal sealed record RequestMix(IHttpRequest Usual, IHttpRequest Other, int OtherPercent)
{
    public static RequestMix Gets { get; } = Only(new GetItem());

    public static RequestMix Puts { get; } = Only(new PutItem());

    /// <summary>80 % GET, 20 % PUT.</summary>
    public static RequestMix Mixed { get; } = new(new GetItem(), new PutItem(), OtherPercent: 20);

    public static RequestMix Constant { get; } = Only(new GetConstant());

    public IHttpRequest Next(Random random) => OtherPercent > 0 && random.Next(100) < OtherPercent ? Other : Usual;

    private static RequestMix Only(IHttpRequest request) => new(request, request, 0);
}
