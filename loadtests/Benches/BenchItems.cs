using System.Globalization;

namespace LoadTests.Benches;

/// <summary>
/// The data of all benches: 200,000 items of about 200 bytes. Each item has its own partition: the items are in all slots. Item n has n as
/// partition key and as id. All n have 7 digits: all documents have the same length.
/// </summary>
internal static class BenchItems
{
    public const string Collection = "bench";
    public const int Count = 200_000;
    public const int First = 1_000_000;
    public const int Digits = 7;
    public const int Last = First + Count - 1;

    /// <summary>A document is this, n, and <see cref="DocumentEnd"/>. "n" is the shortest name, so jsonb puts it first.</summary>
    public const string DocumentBegin = "{\"n\": ";

    public const string DocumentEnd =
        ", \"city\": \"Ouagadougou\", \"name\": \"Somebody Particular\", \"note\": \"About as much text as a small record has, so that "
        + "an item comes to two hundred bytes in all of it.\", \"tags\": [\"alpha\", \"beta\"]}";

    public static string DocumentOf(int item) => DocumentBegin + item.ToString(CultureInfo.InvariantCulture) + DocumentEnd;

    public static int Random(Random random) => random.Next(First, Last + 1);
}
