using ShardRouter.Keys;

namespace ShardRouter.Queries;

/// <summary>
/// The value of a field, as far as its place in an order goes: numbers first, then texts by their bytes, then false and true. All other
/// values (null, an array, an object, no such field) are one, and come last. That holds in both directions.
/// </summary>
/// <param name="Rank">0 number, 1 text, 2 boolean, 3 anything else.</param>
/// <param name="Text">A number's digits; a text's first <see cref="MostCharacters"/> characters; <c>0</c> or <c>1</c>; else empty.</param>
internal sealed record SortValue(short Rank, string Text)
{
    public const short Number = 0;
    public const short String = 1;
    public const short Boolean = 2;
    public const short Rest = 3;

    /// <summary>A text is put in order by so many characters: it has to fit into a cursor, and into the row of an index.</summary>
    public const int MostCharacters = 256;

    private readonly DecimalNumber _number = Rank == Number ? DecimalNumber.Parse(Text) : default;

    public static SortValue Nothing { get; } = new(Rest, "");

    public int CompareTo(SortValue other, bool descending)
    {
        if (Rank != other.Rank)
            return Rank.CompareTo(other.Rank);
        var order = Rank switch
        {
            Number => _number.CompareTo(other._number),
            Rest => 0,
            _ => KeyOrder.Compare(Text, other.Text),
        };
        return descending ? -order : order;
    }
}
