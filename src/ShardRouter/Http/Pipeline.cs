using System.Diagnostics;
using ShardRouter.Configuration;
using ShardRouter.Operations;
using ShardRouter.Payload;

namespace ShardRouter.Http;

/// <summary>
/// Around every data request: the common headers, the count of those in flight, and problem+json for whatever goes
/// wrong. No SQL, address or stack ever leaves in an answer.
/// </summary>
internal sealed partial class Pipeline(RequestsInFlight inFlight, Drain drain, ILogger<Pipeline> log)
{
    public Task Handle(HttpContext context, RequestDelegate next)
    {
        var handling = HandleAsync(context, next);
        return handling.IsCompleted ? GoOnElsewhereAsync(handling) : handling;
    }

    /// <summary>
    /// Nothing had to be waited for. If the client's next request is there already it would be handled at once, on this thread, and so on: one client that sends
    /// such requests without a pause must not keep a thread that others' sockets need.
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
            Answer.Begin(context);
            if (drain.HasBegun)
                context.Response.Headers.Connection = "close"; // the proxy shall not keep this connection for later
            RefuseUnkeptPromise(context.Request.Headers);
            RefuseTwoLengths(context);
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

    /// <summary>A client that sends this key repeats requests in the belief that each is applied once.</summary>
    private static void RefuseUnkeptPromise(IHeaderDictionary headers)
    {
        if (headers.ContainsKey("Idempotency-Key"))
            throw new ProblemException(Problems.InvalidHeader("Idempotency-Key", "This version does not remember keys. Use If-Match or If-None-Match: * to make a repeated write harmless."));
    }

    /// <summary>
    /// A body with Content-Length and Transfer-Encoding: two servers on the way may see two different requests in it.
    /// Kestrel would believe the latter and move the former to the header looked for here.
    /// </summary>
    private static void RefuseTwoLengths(HttpContext context)
    {
        if (context.Request.Headers.TransferEncoding.Count == 0 || !context.Request.Headers.ContainsKey("X-Content-Length"))
            return;
        context.Response.Headers.Connection = "close";
        throw new ProblemException(Problems.BadRequest("Content-Length and Transfer-Encoding exclude each other."));
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
            case IOException: // the shard's are told apart before they come here; Kestrel's is of a chunk size that overflows
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
        context.Response.Clear();
        context.Response.Headers["Request-Id"] = requestId;
        if (traceParent.Count > 0)
            context.Response.Headers.TraceParent = traceParent;
        if (connection.Count > 0)
            context.Response.Headers.Connection = connection;
    }

    [LoggerMessage(LogLevel.Error, "Request {RequestId} met a defect ({Error})")]
    private partial void LogDefect(Exception exception, string requestId, string error);
}
