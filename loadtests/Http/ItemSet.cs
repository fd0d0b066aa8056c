using LoadTests.Benches;

namespace LoadTests.Http;

/// <summary>A set of items for requests: their number, partitions and sizes. Item n has n as its id.</summary>
/// <param name="First">The first of <paramref name="Count"/> numbers, all with 7 digits.</param>
/// <param name="Partition">The partition key of all items; null: item n has n as its partition key.</param>
/// <param name="TextBytes">The size of a text that makes the document large; 0: the small document of all benches.</param>
internal sealed record ItemSet(int First, int Count, string? Partition = null, int TextBytes = 0)
{
    public string Collection { get; init; } = BenchItems.Collection;

    public static ItemSet Bench { get; } = new(BenchItems.First, BenchItems.Count);

    public static ItemSet Hot { get; } = new(2_000_000, 1000, Partition: "hot");

    public static ItemSet Large64KiB { get; } = new(3_000_000, 200, TextBytes: 64 * 1024);

    /// <summary>Documents a tenth smaller than the largest that the API accepts.</summary>
    public static ItemSet Large900KiB { get; } = new(4_000_000, 24, TextBytes: 900 * 1024);

    /// <summary>The buffer size that <see cref="HttpConnection"/> needs for a request with such a document.</summary>
    public int RequestBytes => HttpConnection.SmallRequest + TextBytes;

    /// <summary>The part of a document after the number.</summary>
    public string DocumentEnd => TextBytes == 0 ? BenchItems.DocumentEnd : $", \"text\": \"{Text(TextBytes)}\"}}";

    public static ItemSet Of(RankedItems items) => new(RankedItems.First, items.Count) { Collection = items.Collection };

    public int Choose(Random random) => First + random.Next(Count);

    /// <summary>Random letters: Postgres compresses repeated text, and real documents hardly repeat.</summary>
    private static string Text(int bytes) => string.Create(bytes, new Random(bytes), static (text, random) => random.GetItems("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", text));
}
