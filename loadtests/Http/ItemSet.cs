using LoadTests.Benches;

namespace LoadTests.Http;

/// <summary>Items that requests are about: how many, where they lie, how large they are. Item n has n as its id.</summary>
/// <param name="First">Of <paramref name="Count"/> numbers, all with 7 digits.</param>
/// <param name="Partition">The partition key of all of them; null: item n has n as its partition key.</param>
/// <param name="TextBytes">Of a text that makes the document large; 0: the small document of all benches.</param>
internal sealed record ItemSet(int First, int Count, string? Partition = null, int TextBytes = 0)
{
    public static ItemSet Bench { get; } = new(BenchItems.First, BenchItems.Count);

    public static ItemSet Hot { get; } = new(2_000_000, 1000, Partition: "hot");

    public static ItemSet Large64KiB { get; } = new(3_000_000, 200, TextBytes: 64 * 1024);

    /// <summary>A tenth below the largest document that the API takes.</summary>
    public static ItemSet Large900KiB { get; } = new(4_000_000, 24, TextBytes: 900 * 1024);

    /// <summary>What <see cref="HttpConnection"/> needs for a request that carries one.</summary>
    public int RequestBytes => HttpConnection.SmallRequest + TextBytes;

    /// <summary>What follows the number in a document.</summary>
    public string DocumentEnd => TextBytes == 0 ? BenchItems.DocumentEnd : $", \"text\": \"{Text(TextBytes)}\"}}";

    public int Choose(Random random) => First + random.Next(Count);

    /// <summary>Letters in no order: Postgres compresses what repeats, and real documents hardly do.</summary>
    private static string Text(int bytes) => string.Create(bytes, new Random(bytes), static (text, random) => random.GetItems("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", text));
}
