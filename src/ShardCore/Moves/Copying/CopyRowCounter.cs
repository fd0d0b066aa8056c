using System.Buffers.Binary;

namespace ShardCore.Moves.Copying;

/// <summary>
/// Counts the rows of a binary COPY stream that passes by in pieces of any size. It goes from field length to field length, and never
/// looks at the bytes between them.
/// </summary>
/// <remarks>
/// The stream has a header of 19 bytes and an extension of a stated length. Each row then has the number of its fields (two bytes), and
/// for each field its length (four bytes, -1 is null) and its bytes. -1 in place of a number of fields ends the stream.
/// </remarks>
internal sealed class CopyRowCounter
{
    private const int HeaderBytes = 19; // signature 11, flags 4, length of the extension 4

    private readonly byte[] _partial = new byte[HeaderBytes]; // a number that is split between two pieces
    private int _partialBytes;
    private int _wanted = HeaderBytes;
    private long _skip;
    private int _fields;
    private bool _isBegun;
    private bool _isEnded;

    public long Rows { get; private set; }

    /// <returns>How many rows began in this piece.</returns>
    public int Add(ReadOnlySpan<byte> piece)
    {
        var before = Rows;
        while (!_isEnded)
        {
            var skipped = (int)Math.Min(_skip, piece.Length);
            _skip -= skipped;
            piece = piece[skipped..];
            if (piece.IsEmpty)
                break;
            if (_partialBytes == 0 && piece.Length >= _wanted)
            {
                var size = _wanted;
                Take(piece[..size]);
                piece = piece[size..];
                continue;
            }
            var taken = Math.Min(_wanted - _partialBytes, piece.Length);
            piece[..taken].CopyTo(_partial.AsSpan(_partialBytes));
            _partialBytes += taken;
            piece = piece[taken..];
            if (_partialBytes == _wanted)
            {
                _partialBytes = 0;
                Take(_partial.AsSpan(0, _wanted));
            }
        }
        return (int)(Rows - before);
    }

    private void Take(ReadOnlySpan<byte> number)
    {
        if (!_isBegun)
        {
            _isBegun = true;
            _skip = BinaryPrimitives.ReadInt32BigEndian(number[^4..]);
        }
        else if (_fields > 0)
        {
            _fields--;
            _skip = Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(number));
        }
        else if ((_fields = BinaryPrimitives.ReadInt16BigEndian(number)) < 0)
        {
            _isEnded = true;
        }
        else
        {
            Rows++;
        }
        _wanted = _fields > 0 ? sizeof(int) : sizeof(short);
    }
}
