using System.Globalization;
using System.Text;
using Fuzz.Contract;

namespace Fuzz.Making;

/// <summary>One request in its parts, before it becomes bytes.</summary>
internal sealed class FuzzRequest(ApiOperation operation)
{
    /// <summary>The operation that the request was made from. It may have been changed into a request of another one, or of none.</summary>
    public ApiOperation Operation { get; } = operation;

    /// <summary>The method or the path were changed: the answer need not be one of the operation's.</summary>
    public bool IsElsewhere { get; set; }

    public string Method { get; set; } = operation.Method;

    /// <summary>As it is sent, percent-encoded.</summary>
    public List<string> Segments { get; } = [];

    public List<(string Name, string Value)> Query { get; } = [];

    public List<(string Name, string Value)> Headers { get; } = [];

    public byte[]? Body { get; set; }

    public bool IsChunked { get; set; }

    /// <summary>Well-formed HTTP, which has exactly one answer.</summary>
    public byte[] ToBytes()
    {
        var head = new StringBuilder();
        head.Append(Method).Append(' ').Append('/').AppendJoin('/', Segments);
        if (Query.Count > 0)
            head.Append('?').AppendJoin('&', Query.Select(each => each.Name + "=" + each.Value));
        head.Append(" HTTP/1.1\r\n");
        if (!Headers.Exists(header => header.Name == "Host"))
            head.Append("Host: fuzz\r\n");
        foreach (var (name, value) in Headers)
            head.Append(name).Append(": ").Append(OddValues.InHeader(value)).Append("\r\n");
        if (Body is { } body)
            head.Append(IsChunked ? "Transfer-Encoding: chunked\r\n" : string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n"));
        head.Append("\r\n");
        return [.. Encoding.UTF8.GetBytes(head.ToString()), .. IsChunked ? Chunks(Body) : Body ?? []];
    }

    private static byte[] Chunks(byte[]? body)
    {
        var chunks = new List<byte>();
        foreach (var chunk in (body ?? []).Chunk(700))
            chunks.AddRange([.. Encoding.ASCII.GetBytes(chunk.Length.ToString("x", CultureInfo.InvariantCulture)), .. "\r\n"u8, .. chunk, .. "\r\n"u8]);
        return [.. chunks, .. "0\r\n\r\n"u8];
    }
}
