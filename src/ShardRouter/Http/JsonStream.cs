using System.Buffers;
using System.Text.Json;

namespace ShardRouter.Http;

/// <summary>
/// Writes an answer of many parts. A large answer leaves piece by piece, as fast as its client reads, and is never in memory as a whole.
/// </summary>
internal static class JsonStream
{
    /// <summary>A smaller answer is written at once and has a Content-Length.</summary>
    private const int LargeBytes = 64 * 1024;

    /// <param name="context">Its status and headers are set.</param>
    /// <param name="bytes">About how many bytes the answer will have.</param>
    /// <param name="begin">Writes what comes before the parts.</param>
    /// <param name="count">How many parts there are.</param>
    /// <param name="part">Writes one of them.</param>
    /// <param name="end">Writes what comes after them.</param>
    public static async Task WriteAsync(
        HttpContext context, long bytes, Action<Utf8JsonWriter> begin, int count, Action<Utf8JsonWriter, int> part, Action<Utf8JsonWriter> end)
    {
        var isLarge = bytes > LargeBytes;
        var buffer = new ArrayBufferWriter<byte>(isLarge ? 2 * LargeBytes : 4 * 1024);
        await using var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions);
        if (isLarge)
            context.Response.ContentType = "application/json";
        begin(json);
        for (var i = 0; i < count; i++)
        {
            part(json, i);
            if (isLarge && json.BytesPending + buffer.WrittenCount > LargeBytes)
                await LeaveAsync(context, json, buffer);
        }
        end(json);
        if (isLarge)
        {
            await LeaveAsync(context, json, buffer);
            return;
        }
        await json.FlushAsync();
        await Answer.Json(context, buffer.WrittenMemory);
    }

    /// <summary>Writes an object whose first member is an array of the parts.</summary>
    /// <param name="context">Its status and headers are set.</param>
    /// <param name="bytes">About how many bytes the answer will have.</param>
    /// <param name="array">The name of the array.</param>
    /// <param name="count">How many parts there are.</param>
    /// <param name="part">Writes one of them.</param>
    /// <param name="rest">Writes the other members of the object; null: it has none.</param>
    public static Task WriteArrayAsync(
        HttpContext context, long bytes, string array, int count, Action<Utf8JsonWriter, int> part, Action<Utf8JsonWriter>? rest = null)
    {
        return WriteAsync(context, bytes, Begin, count, part, End);

        void Begin(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            json.WriteStartArray(array);
        }

        void End(Utf8JsonWriter json)
        {
            json.WriteEndArray();
            rest?.Invoke(json);
            json.WriteEndObject();
        }
    }

    private static async Task LeaveAsync(HttpContext context, Utf8JsonWriter json, ArrayBufferWriter<byte> buffer)
    {
        await json.FlushAsync(context.RequestAborted);
        await Answer.BytesAsync(context, buffer.WrittenMemory);
        buffer.ResetWrittenCount();
    }
}
