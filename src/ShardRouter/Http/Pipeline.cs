using System.Diagnostics;
using ShardRouter.Configuration;
using ShardRouter.Draining;
using ShardRouter.Payload;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>
/// Wraps every data request. It sets the common headers, counts the requests in flight, and answers every error as problem+json. No SQL,
/// address or stack trace ever leaves in an answer.
/// </summary>
internal sealed partial class Pipeline(RequestsInFlight inFlight, Drain drain, ILogger<Pipeline> log)
{
    public Task Handle(HttpContext context, RequestDelegate next)
    {
        var handling = HandleAsync(context, next);
        return handling.IsCompleted ? GoOnElsewhereAsync(handling) : handling;
    }

    /// <summary>
    /// The request was answered without a wait. If the client's next request is there already, it would be handled at once, on this
    /// thread, and so on. One client that sends such requests without a pause must not keep a thread that the sockets of others need.
    /// </summary>
    private static async Task GoOnElsewhereAsync(Task handled)
    {
        await SocketThreads.Leave();
        await handled;
    }

    private async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        inFlight.Enter();
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            KnowOnlyCapitals(context.Request);
            Answer.Begin(context);
            if (drain.HasBegun)
                context.Response.Headers.Connection = "close"; // the proxy must not keep this connection for later requests
            RefuseUnkeptPromise(context.Request.Headers);
            RefuseTwoLengths(context);
            RefuseLongLength(context);
            await next(context);
            if (!context.Response.HasStarted && context.Response.ContentLength is null && StatusWithoutBody(context) is { } problem)
            {
                Answer.Timing(context, "router", startedAt);
                await Answer.Problem(context, problem);
            }
        }
        catch (Exception e) when (!context.Response.HasStarted && ProblemOf(e, context) is { } problem)
        {
            KeepOnlyCommonHeaders(context);
            Answer.Timing(context, "router", startedAt);
            await Answer.Problem(context, problem);
        }
        finally
        {
            inFlight.Leave();
            PayloadShare.End(context);
        }
    }

    /// <summary>
    /// Methods are case-sensitive, but the framework takes "get" for GET. A method that no route has leads to 405 with those that it has.
    /// </summary>
    private static void KnowOnlyCapitals(HttpRequest request)
    {
        if (request.Method.AsSpan().ContainsAnyInRange('a', 'z'))
            request.Method = "UNKNOWN";
    }

    /// <summary>A client that sends this key repeats requests and believes that each is applied once.</summary>
    private static void RefuseUnkeptPromise(IHeaderDictionary headers)
    {
        if (headers.ContainsKey("Idempotency-Key"))
            throw new ProblemException(Problems.InvalidHeader("Idempotency-Key", "This version does not remember keys. Use If-Match or If-None-Match: * to make a repeated write harmless."));
    }

    /// <summary>
    /// Refuses a body with both Content-Length and Transfer-Encoding: two servers on the way may see two different requests in it.
    /// Kestrel would believe Transfer-Encoding, and moves Content-Length to the header X-Content-Length.
    /// </summary>
    private static void RefuseTwoLengths(HttpContext context)
    {
        if (context.Request.Headers.TransferEncoding.Count == 0 || !context.Request.Headers.ContainsKey("X-Content-Length"))
            return;
        context.Response.Headers.Connection = "close";
        throw new ProblemException(Problems.BadRequest("Content-Length and Transfer-Encoding exclude each other."));
    }

    /// <summary>Nobody means so long a body. It is not read over: what follows would be taken for the next request.</summary>
    private static void RefuseLongLength(HttpContext context)
    {
        if (context.Request.ContentLength != ContentLengthText.TooLong)
            return;
        context.Response.Headers.Connection = "close";
        throw new ProblemException(Problems.BadRequest("Content-Length has more than ten digits."));
    }

    private Problem? ProblemOf(Exception error, HttpContext context)
    {
        switch (error)
        {
            case ProblemException refused:
                return refused.Problem;
            case BadHttpRequestException { StatusCode: 413 }:
                return Problems.TooLarge("The body is larger than any request may be.");
            case BadHttpRequestException { StatusCode: 408 }:
                return Problems.RequestTimeout();
            case BadHttpRequestException bad:
                return Problems.BadRequest(bad.Message);
            case OperationCanceledException or IOException when context.RequestAborted.IsCancellationRequested:
                return Problems.RequestTimeout(); // the client is gone; nobody reads this
            case IOException: // errors of shards were handled before; this one is Kestrel's, for a chunk size that overflows
                return Problems.BadRequest("The body cannot be read.");
            default:
                LogDefect(error, context.Response.Headers["Request-Id"].ToString(), error.GetType().Name);
                return Problems.Internal();
        }
    }

    /// <summary>Routing answers some requests with a bare status.</summary>
    private static Problem? StatusWithoutBody(HttpContext context) => context.Response.StatusCode switch
    {
        404 => Problems.RouteNotFound(),
        405 => Problems.MethodNotAllowed(),
        _ => null,
    };

    private static void KeepOnlyCommonHeaders(HttpContext context)
    {
        var requestId = context.Response.Headers["Request-Id"];
        var traceParent = context.Response.Headers.TraceParent;
        var connection = context.Response.Headers.Connection;
        var acceptEncoding = context.Response.Headers.AcceptEncoding;
        context.Response.Clear();
        context.Response.Headers["Request-Id"] = requestId;
        if (traceParent.Count > 0)
            context.Response.Headers.TraceParent = traceParent;
        if (connection.Count > 0)
            context.Response.Headers.Connection = connection;
        if (acceptEncoding.Count > 0)
            context.Response.Headers.AcceptEncoding = acceptEncoding;
    }

    [LoggerMessage(LogLevel.Error, "Request {RequestId} met a defect ({Error})")]
    private partial void LogDefect(Exception exception, string requestId, string error);
}
