using System.Text;
using LoadTests.Benches;
using Workbench;

namespace LoadTests.Http.Queries;

/// <summary>A query over a whole collection, and what its answer must have.</summary>
internal sealed class QueryRequest
{
    private const string Headers = "HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json";

    private readonly string _name;
    private readonly int _documents;
    private readonly byte[][] _parts;

    /// <param name="action">query, count or aggregate.</param>
    /// <param name="documents">How many documents the answer must have.</param>
    /// <param name="parts">What it must have, in this order.</param>
    public QueryRequest(RankedItems items, string action, string body, int documents, params string[] parts)
    {
        (_name, _documents, _parts) = ($"{action} {body}", documents, [.. parts.Select(Encoding.ASCII.GetBytes)]);
        Bytes = Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"POST /v1/collections/{items.Collection}:{action} {Headers}\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
    }

    public byte[] Bytes { get; }

    /// <exception cref="WrongAnswerException">The answer is wrong.</exception>
    public void Check(in HttpAnswer answer)
    {
        if (answer.Status != 200 || CountOf(answer.Body.Span, "\"doc\":"u8) != _documents || !HasParts(answer.Body.Span))
            throw RequestText.Wrong(_name, answer);
    }

    private bool HasParts(ReadOnlySpan<byte> body)
    {
        foreach (var part in _parts)
        {
            var at = body.IndexOf(part);
            if (at < 0)
                return false;
            body = body[(at + part.Length)..];
        }
        return true;
    }

    private static int CountOf(ReadOnlySpan<byte> body, ReadOnlySpan<byte> part)
    {
        var count = 0;
        for (int at; (at = body.IndexOf(part)) >= 0; count++)
            body = body[(at + part.Length)..];
        return count;
    }
}
