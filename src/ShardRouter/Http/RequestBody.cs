using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Net.Http.Headers;
using ShardRouter.Configuration;
using ShardRouter.Payload;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>Reads a whole body into one array, up to a limit.</summary>
internal static class RequestBody
{
    public const int MaxDocumentBytes = 1024 * 1024;
    public const int MaxBatchBytes = 4 * 1024 * 1024;

    /// <summary>A larger body is checked in the pool: the check takes too long to let the other sockets of the thread wait.</summary>
    private const int LargeBytes = 64 * 1024;

    /// <summary>Parsing a batch needs several times its size.</summary>
    private const int BatchWeight = 4;

    private const int FirstBytes = 16 * 1024;

    /// <exception cref="ProblemException">too-large; overloaded, before anything of a large body is read.</exception>
    public static async Task<byte[]> ReadAsync(HttpContext context, int maxBytes)
    {
        var length = context.Request.ContentLength;
        if (length > maxBytes)
            throw TooLarge(maxBytes);
        var weight = maxBytes > MaxDocumentBytes ? BatchWeight : 1;
        if (length > PayloadShare.UncountedBytes)
            PayloadShare.Of(context).Require(length.Value * weight);
        ReadResult result;
        try
        {
            result = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
        }
        catch (ConnectionResetException)
        {
            context.Abort(); // Kestrel would try to skip the rest of the body, and log as an error that it cannot
            throw;
        }
        if (result.IsCompleted && result.Buffer.Length <= FirstBytes && result.Buffer.Length <= maxBytes)
        {
            var body = result.Buffer.ToArray();
            context.Request.BodyReader.AdvanceTo(result.Buffer.End);
            return body;
        }
        var whole = await ReadLargeAsync(context, result, new byte[length ?? FirstBytes], maxBytes, weight);
        if (whole.Length > LargeBytes)
            await SocketThreads.Leave();
        return whole;
    }

    /// <summary>Takes over at once what has arrived. So it is not in the connection's buffer as well.</summary>
    /// <param name="body">An array of the announced length, or one that is made longer.</param>
    private static async Task<byte[]> ReadLargeAsync(HttpContext context, ReadResult result, byte[] body, int maxBytes, int weight)
    {
        var (reader, length) = (context.Request.BodyReader, 0);
        while (true)
        {
            var arrived = (int)Math.Min(result.Buffer.Length, maxBytes + 1L);
            if (length + arrived > body.Length)
                Grow(length + arrived, result.Buffer.End);
            result.Buffer.CopyTo(body.AsSpan(length));
            length += arrived;
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
                return length == body.Length ? body : body[..length];
            try
            {
                result = await reader.ReadAsync(context.RequestAborted);
            }
            catch (ConnectionResetException)
            {
                context.Abort(); // as for the first part
                throw;
            }
        }

        void Grow(int needed, SequencePosition end)
        {
            var larger = Math.Min(Math.Max(2 * body.Length, needed), maxBytes);
            if (needed > maxBytes || !PayloadShare.Of(context).TryTake((larger - body.Length) * weight))
            {
                reader.AdvanceTo(end); // so the rest of the body can be skipped
                throw needed > maxBytes ? TooLarge(maxBytes) : new ProblemException(Problems.RouterOverloaded());
            }
            Array.Resize(ref body, larger);
        }
    }

    /// <returns>The index of the media type that the body has.</returns>
    /// <exception cref="ProblemException">unsupported-media-type: the body has none of them, or it is encoded.</exception>
    public static int RequireMediaType(HttpContext context, params ReadOnlySpan<string> accepted)
    {
        RequirePlain(context);
        if (MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var sent)
            && (!sent.Charset.HasValue || HeaderUtilities.RemoveQuotes(sent.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            for (var i = 0; i < accepted.Length; i++)
                if (sent.MediaType.Equals(accepted[i], StringComparison.OrdinalIgnoreCase))
                    return i;
        }
        throw new ProblemException(Problems.UnsupportedMediaType(string.Join(" or ", accepted!)));
    }

    /// <summary>Nothing is unpacked here, and what is packed is not the JSON that its media type says.</summary>
    private static void RequirePlain(HttpContext context)
    {
        var codings = context.Request.Headers.ContentEncoding;
        if (codings.Count == 0)
            return;
        foreach (var coding in codings.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            if (!coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
            {
                context.Response.Headers.AcceptEncoding = "identity"; // RFC 9110, 15.5.16
                throw new ProblemException(Problems.UnsupportedEncoding());
            }
    }

    private static ProblemException TooLarge(int maxBytes) => new(Problems.TooLarge($"This body may have at most {maxBytes} bytes."));
}
