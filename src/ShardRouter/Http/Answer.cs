using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using ShardCore.Ring;
using ShardRouter.Configuration;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Refusals;
using ShardRouter.Rings;

namespace ShardRouter.Http;

/// <summary>Writes answers: the headers of all answers, documents as they came from the shard, and problems.</summary>
internal sealed class Answer(RouterOptions options, RingHolder holder)
{
    private const int PieceBytes = 64 * 1024;

    /// <summary>Sets the headers that every answer carries. It is called before the request is handled.</summary>
    public static void Begin(HttpContext context)
    {
        var request = context.Request.Headers;
        var response = context.Response.Headers;
        var asked = request["Request-Id"];
        response["Request-Id"] = asked.Count == 1 && IsHarmless(asked[0]!) ? asked : (context.TraceIdentifier = RequestId.Next());
        if (request.TraceParent.Count == 1 && IsHarmless(request.TraceParent[0]!))
            response.TraceParent = request.TraceParent;
    }

    /// <summary>Says how long the shard took and, if the caller asks, which way the request went.</summary>
    public void Route(HttpContext context, Slot slot, ShardId shard, long startedAt)
    {
        Timing(context, "shard", startedAt);
        if (Preferences.Has(context.Request.Headers, "shard-route", ""))
            context.Response.Headers["Shard-Route"] = string.Create(CultureInfo.InvariantCulture, $"shard={shard};slot={slot};epoch={holder.Current?.Epoch.Value ?? 0};router={options.RouterId}");
    }

    /// <param name="what">shard: the wait for one or more shards. router: the whole time, where no shard answered.</param>
    public static void Timing(HttpContext context, string what, long startedAt)
    {
        // Whole numbers only: writing a floating-point number took 3 % of a GET's time.
        var hundredths = Stopwatch.GetElapsedTime(startedAt).Ticks / (TimeSpan.TicksPerMillisecond / 100);
        context.Response.Headers["Server-Timing"] = string.Create(CultureInfo.InvariantCulture, $"{what};dur={hundredths / 100}.{hundredths % 100:D2}");
    }

    /// <summary>Sets ETag, Last-Modified and Expires-At.</summary>
    public static void Describe(HttpContext context, long version, DateTime? updatedAt, DateTime? expiresAt)
    {
        var headers = context.Response.Headers;
        headers.ETag = VersionTag.Of(version);
        if (updatedAt is { } updated)
            headers.LastModified = HeaderUtilities.FormatDate(new DateTimeOffset(updated, TimeSpan.Zero));
        if (expiresAt is { } expires)
            headers["Expires-At"] = expires.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
    }

    /// <exception cref="ProblemException">overloaded.</exception>
    public static Task Document(HttpContext context, Item item)
    {
        if (item.Doc.Length > PayloadShare.UncountedBytes)
            PayloadShare.Of(context).Require(item.Doc.Length);
        Describe(context, item.Version, item.UpdatedAt, item.ExpiresAt);
        return Json(context, item.Doc);
    }

    public static async Task Json(HttpContext context, ReadOnlyMemory<byte> utf8)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = utf8.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await BytesAsync(context, utf8);
    }

    /// <summary>
    /// Writes piece by piece. So the connection's buffer never has a second copy of a whole large answer that its client has not read
    /// yet.
    /// </summary>
    public static async Task BytesAsync(HttpContext context, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > PieceBytes)
        {
            await context.Response.BodyWriter.WriteAsync(bytes[..PieceBytes], context.RequestAborted);
            bytes = bytes[PieceBytes..];
        }
        await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted);
    }

    public static async Task Problem(HttpContext context, Problem problem)
    {
        var response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = Refusals.Problem.MediaType;
        if (problem.RetryAfterSeconds is { } seconds)
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        problem.Limit?.Tell(response.Headers);
        if (problem.Challenge is { } challenge)
            response.Headers.WWWAuthenticate = challenge;
        if (problem.CurrentETag is { } current)
            response.Headers.ETag = current;
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        using var buffer = new MemoryStream();
        await using (var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions))
        {
            json.WriteStartObject();
            problem.WriteMembers(json, response.Headers["Request-Id"].ToString());
            json.WriteEndObject();
        }
        response.ContentLength = buffer.Length;
        await response.BodyWriter.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), context.RequestAborted);
    }

    private static bool IsHarmless(string value) => value.Length is > 0 and <= 128 && value.All(c => c is > ' ' and < '\x7f');
}
