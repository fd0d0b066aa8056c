using System.Globalization;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>How long a request may take: <c>Request-Timeout</c> in seconds, by default 5, at most 30.</summary>
internal static class RequestDeadline
{
    public const string Header = "Request-Timeout";

    private static readonly TimeSpan Default = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A source that is cancelled when the request's time is over, and for reads also when the client has gone. A write goes on without
    /// its client: stopping it half-way would only make its outcome unknown.
    /// </summary>
    public static CancellationTokenSource Begin(HttpContext context, bool writes)
    {
        var deadline = writes ? new CancellationTokenSource() : CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(Of(context.Request.Headers));
        return deadline;
    }

    /// <summary>How much of the request's time a shard may search. What it has found then comes back in time, with a cursor.</summary>
    public static TimeSpan ScanLimit(HttpContext context) => Of(context.Request.Headers) / 2;

    /// <returns>What the request itself sets; null: it takes the usual time, which is longer than any queue.</returns>
    public static TimeSpan? OwnOf(HttpContext context) => context.Request.Headers.ContainsKey(Header) ? Of(context.Request.Headers) : null;

    private static TimeSpan Of(IHeaderDictionary headers)
    {
        var text = headers[Header];
        if (text.Count == 0)
            return Default;
        return double.TryParse(text.ToString(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds > 0 && seconds <= Longest.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new ProblemException(Problems.InvalidHeader(Header, "Expected a number of seconds, more than 0 and at most 30."));
    }
}
