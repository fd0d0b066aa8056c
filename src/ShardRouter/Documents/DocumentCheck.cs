using System.Buffers;
using System.Text;
using System.Text.Json;
using ShardRouter.Refusals;

namespace ShardRouter.Documents;

/// <summary>
/// Checks the tokens of one document for <see cref="DocumentRules"/> and counts their printed bytes. Its time is linear in the document's
/// bytes.
/// </summary>
internal sealed class DocumentCheck(string? pointer)
{
    private const int Quotes = 2;
    private const int Separator = 2; // ", " and ": "

    private readonly NamesInScope _names = new();
    private bool _isFirst = true; // the next token has no separator in front of it

    /// <summary>The bytes of the tokens so far, as Postgres prints them.</summary>
    public long PrintedBytes { get; private set; }

    public void Token(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                Begin(1);
                _names.Open(reader.TokenType == JsonTokenType.StartObject);
                _isFirst = true;
                break;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                _names.Close();
                PrintedBytes++;
                _isFirst = false;
                break;
            case JsonTokenType.PropertyName:
                Begin(Text(ref reader) + Separator);
                if (!_names.Add(ref reader))
                    throw Invalid($"The name '{Shorten(reader.GetString()!)}' appears twice in one object.");
                _isFirst = true; // its value follows without a comma
                break;
            case JsonTokenType.String:
                Begin(Text(ref reader));
                break;
            case JsonTokenType.Number:
                var number = PrintedNumber.Of(reader.ValueSpan);
                if (number.Digits > DocumentRules.MaxDigits)
                    throw Invalid($"A number has more than {DocumentRules.MaxDigits} digits when written out.");
                Begin(number.Length);
                break;
            default: // true, false, null
                Begin(reader.ValueSpan.Length);
                break;
        }
    }

    private void Begin(int length)
    {
        PrintedBytes += length + (_isFirst ? 0 : Separator);
        _isFirst = false;
    }

    /// <returns>The printed length of a text.</returns>
    private int Text(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
            return reader.ValueSpan.Length + Quotes;
        var rented = ArrayPool<byte>.Shared.Rent(reader.ValueSpan.Length);
        try
        {
            var text = rented.AsSpan(0, reader.CopyString(rented));
            if (text.Contains((byte)0))
                throw Invalid("A string contains \\u0000, which cannot be stored.");
            return text.Length + Escapes(text) + Quotes;
        }
        catch (InvalidOperationException) // the reader throws this for a lone surrogate
        {
            throw Invalid("A string contains an unpaired surrogate (\\uD800…\\uDFFF).");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <returns>How many bytes Postgres' escapes add.</returns>
    private static int Escapes(ReadOnlySpan<byte> text)
    {
        var added = 0;
        foreach (var b in text)
            added += b switch
            {
                (byte)'"' or (byte)'\\' or (byte)'\b' or (byte)'\f' or (byte)'\n' or (byte)'\r' or (byte)'\t' => 1,
                < 0x20 => 5,
                _ => 0,
            };
        return added;
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 60), "…");

    private ProblemException Invalid(string detail) => new(Problems.InvalidJson(detail, pointer));

    /// <summary>The names seen in each object that is open.</summary>
    private sealed class NamesInScope
    {
        /// <summary>
        /// Clearing a set takes time in proportion to its capacity. So a set that a large object made grow is not reused: each small
        /// object would pay for that capacity.
        /// </summary>
        private const int MaxReusedCapacity = 64;

        private static readonly HashSet<string> None = []; // the entry of an array, which has no names

        private readonly Stack<HashSet<string>> _closed = new(); // emptied sets, for reuse
        private readonly Stack<HashSet<string>> _open = new();

        public void Open(bool isObject) =>
            _open.Push(!isObject ? None : _closed.TryPop(out var set) ? set : new HashSet<string>(StringComparer.Ordinal));

        public void Close()
        {
            var set = _open.Pop();
            if (set == None || set.Capacity > MaxReusedCapacity)
                return;
            set.Clear();
            _closed.Push(set);
        }

        public bool Add(ref Utf8JsonReader reader) =>
            _open.Peek().Add(reader.ValueIsEscaped ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan));
    }
}
