using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Net.Http.Headers;
using ShardRouter.Configuration;
using ShardRouter.Payload;

namespace ShardRouter.Http;

/// <summary>Reads a body whole, into one array, up to a limit.</summary>
internal static class RequestBody
{
    public const int MaxDocumentBytes = 1024 * 1024;
    public const int MaxBatchBytes = 4 * 1024 * 1024;

    /// <summary>Checking more than this takes so long that the other sockets of the thread should not wait for it.</summary>
    private const int LargeBytes = 64 * 1024;

    /// <summary>Parsing a batch makes several times its size of it.</summary>
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
        var result = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
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

    /// <summary>What has arrived is taken over at once, so it does not stand in the connection's buffer as well.</summary>
    /// <param name="body">Of the length that was announced, or to be made longer.</param>
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
            result = await reader.ReadAsync(context.RequestAborted);
        }

        void Grow(int needed, SequencePosition end)
        {
            var larger = Math.Min(Math.Max(2 * body.Length, needed), maxBytes);
            if (needed > maxBytes || !PayloadShare.Of(context).TryTake((larger - body.Length) * weight))
            {
                reader.AdvanceTo(end); // the rest of the body can be read over then
                throw needed > maxBytes ? TooLarge(maxBytes) : new ProblemException(Problems.RouterOverloaded());
            }
            Array.Resize(ref body, larger);
        }
    }

    /// <returns>The index of the media type that the body has.</returns>
    /// <exception cref="ProblemException">unsupported-media-type: none of them.</exception>
    public static int RequireMediaType(HttpContext context, params ReadOnlySpan<string> accepted)
    {
        if (MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var sent)
            && (!sent.Charset.HasValue || HeaderUtilities.RemoveQuotes(sent.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
        {
            for (var i = 0; i < accepted.Length; i++)
                if (sent.MediaType.Equals(accepted[i], StringComparison.OrdinalIgnoreCase))
                    return i;
        }
        throw new ProblemException(Problems.UnsupportedMediaType(string.Join(" or ", accepted!)));
    }

    private static ProblemException TooLarge(int maxBytes) => new(Problems.TooLarge($"This body may have at most {maxBytes} bytes."));
}
