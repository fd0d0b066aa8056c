using System.Diagnostics;
using ShardRouter.Operations;

namespace ShardRouter.Http;

/// <summary>
/// Around every data request: the common headers, the count of those in flight, and problem+json for whatever goes
/// wrong. No SQL, address or stack ever leaves in an answer.
/// </summary>
internal sealed partial class Pipeline(RequestsInFlight inFlight, Drain drain, ILogger<Pipeline> log)
{
    public async Task Handle(HttpContext context, RequestDelegate next)
    {
        inFlight.Enter();
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            Answer.Begin(context);
            if (drain.HasBegun)
                context.Response.Headers.Connection = "close"; // the proxy shall not keep this connection for later
            RefuseUnkeptPromise(context.Request.Headers);
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
        }
    }

    /// <summary>A client that sends this key repeats requests in the belief that each is applied once.</summary>
    private static void RefuseUnkeptPromise(IHeaderDictionary headers)
    {
        if (headers.ContainsKey("Idempotency-Key"))
            throw new ProblemException(Problems.InvalidHeader("Idempotency-Key", "This version does not remember keys. Use If-Match or If-None-Match: * to make a repeated write harmless."));
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
