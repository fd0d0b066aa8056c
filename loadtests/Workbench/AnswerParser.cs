using System.Buffers.Text;
using System.Text;

namespace Workbench;

/// <summary>
/// Finds the end of one HTTP/1.1 answer in the bytes that have arrived, in any pieces, and joins a chunked body in place. It knows the
/// answers of this API and its proxy; it refuses everything else instead of guessing.
/// </summary>
internal struct AnswerParser
{
    private const int Chunked = -1;

    private int _bodyBegin; // 0 until the headers are complete
    private int _bodyLength; // of a chunked body: the length so far
    private int _nextChunk; // where the next undecoded chunk begins
    private int _contentLength;

    public AnswerParser() => KeepsConnection = true;

    public int Status { get; private set; }

    /// <summary>False: the server closes the connection after this answer.</summary>
    public bool KeepsConnection { get; private set; }

    public readonly Range Body => _bodyBegin..(_bodyBegin + _bodyLength);

    /// <param name="received">All bytes of the answer that have arrived, from its first byte on.</param>
    /// <returns>Whether the answer is complete.</returns>
    /// <exception cref="WrongAnswerException">The answer cannot be read.</exception>
    public bool TryComplete(Span<byte> received)
    {
        if (_bodyBegin == 0 && !TryReadHead(received))
            return false;
        var end = _contentLength == Chunked ? EndOfChunks(received) : _bodyBegin + _contentLength;
        if (end is null || received.Length < end)
            return false;
        if (_contentLength != Chunked)
            _bodyLength = _contentLength;
        return received.Length == end ? true : throw new WrongAnswerException($"{received.Length - end} bytes follow the answer; nothing was asked for that they could be.");
    }

    private bool TryReadHead(ReadOnlySpan<byte> received)
    {
        var length = received.IndexOf("\r\n\r\n"u8);
        if (length < 0)
            return false;
        var head = received[..length];
        var statusLine = TakeLine(ref head);
        // "HTTP/1.1 200 OK"
        if (!statusLine.StartsWith("HTTP/1.1 "u8) || statusLine.Length < 12 || !Utf8Parser.TryParse(statusLine.Slice(9, 3), out int status, out var digits) || digits != 3)
            throw new WrongAnswerException($"This is no answer of HTTP/1.1: {Encoding.Latin1.GetString(statusLine)}");
        Status = status;
        var hasLength = status is 204 or 304; // these never have a body, even if their headers say so
        while (!head.IsEmpty)
            hasLength |= ReadHeader(TakeLine(ref head), status);
        if (!hasLength)
            throw new WrongAnswerException($"An answer {status} has neither Content-Length nor chunks.");
        _bodyBegin = _nextChunk = length + 4;
        return true;
    }

    /// <returns>Whether this header tells the length of the body.</returns>
    private bool ReadHeader(ReadOnlySpan<byte> line, int status)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0)
            throw new WrongAnswerException($"This is no header: {Encoding.Latin1.GetString(line)}");
        var name = line[..colon];
        var value = line[(colon + 1)..].Trim((byte)' ');
        if (status is not (204 or 304) && Ascii.EqualsIgnoreCase(name, "content-length"u8))
        {
            if (!Utf8Parser.TryParse(value, out _contentLength, out var digits) || digits != value.Length || _contentLength < 0)
                throw new WrongAnswerException($"This is no length: {Encoding.Latin1.GetString(value)}");
            return true;
        }
        if (status is not (204 or 304) && Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8))
        {
            _contentLength = Ascii.EqualsIgnoreCase(value, "chunked"u8) ? Chunked : throw new WrongAnswerException($"Unknown transfer encoding: {Encoding.Latin1.GetString(value)}");
            return true;
        }
        if (Ascii.EqualsIgnoreCase(name, "connection"u8) && Ascii.EqualsIgnoreCase(value, "close"u8))
            KeepsConnection = false;
        return false;
    }

    /// <summary>Moves the data of every complete chunk to the end of the body.</summary>
    /// <returns>The end of the answer; null: it has not arrived completely.</returns>
    private int? EndOfChunks(Span<byte> received)
    {
        while (true)
        {
            var rest = received[_nextChunk..];
            var lineLength = rest.IndexOf("\r\n"u8);
            if (lineLength < 0)
                return null;
            var size = ChunkSize(rest[..lineLength]);
            var data = lineLength + 2;
            if (rest.Length < data + size + 2)
                return null;
            if (!rest.Slice(data + size, 2).SequenceEqual("\r\n"u8))
                throw new WrongAnswerException(size == 0 ? "A chunked answer has trailers." : "A chunk is longer than it says.");
            rest.Slice(data, size).CopyTo(received[(_bodyBegin + _bodyLength)..]);
            _bodyLength += size;
            _nextChunk += data + size + 2;
            if (size == 0)
                return _nextChunk;
        }
    }

    private static int ChunkSize(ReadOnlySpan<byte> line)
    {
        var extension = line.IndexOf((byte)';');
        var digits = extension < 0 ? line : line[..extension];
        return Utf8Parser.TryParse(digits, out int size, out var used, 'x') && used == digits.Length && size >= 0
            ? size
            : throw new WrongAnswerException($"This is no size of a chunk: {Encoding.Latin1.GetString(line)}");
    }

    private static ReadOnlySpan<byte> TakeLine(ref ReadOnlySpan<byte> head)
    {
        var end = head.IndexOf("\r\n"u8);
        var line = end < 0 ? head : head[..end];
        head = end < 0 ? [] : head[(end + 2)..];
        return line;
    }
}
