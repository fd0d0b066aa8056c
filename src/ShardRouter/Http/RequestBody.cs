using System.Buffers;
using Microsoft.Net.Http.Headers;
using ShardRouter.Configuration;

namespace ShardRouter.Http;

/// <summary>Reads a body whole, into one array, up to a limit.</summary>
internal static class RequestBody
{
    public const int MaxDocumentBytes = 1024 * 1024;
    public const int MaxBatchBytes = 4 * 1024 * 1024;

    /// <summary>Checking more than this takes so long that the other sockets of the thread should not wait for it.</summary>
    private const int LargeBytes = 64 * 1024;

    /// <exception cref="ProblemException">too-large.</exception>
    public static async Task<byte[]> ReadAsync(HttpContext context, int maxBytes)
    {
        if (context.Request.ContentLength > maxBytes)
            throw TooLarge(maxBytes);
        var reader = context.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted);
            if (result.Buffer.Length > maxBytes)
                throw TooLarge(maxBytes);
            if (result.IsCompleted)
            {
                var body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                if (body.Length > LargeBytes)
                    await SocketThreads.Leave();
                return body;
            }
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
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
