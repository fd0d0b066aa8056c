namespace Fuzz.Making;

/// <summary>The throws of the dice for one case. The same seed and number give the same case.</summary>
internal sealed class Chance(int seed, long number)
{
    private readonly Random _random = new(unchecked((int)((seed * 1_000_003L) + (number * 7_919L))));

    /// <returns>True once in so many times.</returns>
    public bool OneIn(int times) => _random.Next(times) == 0;

    public int Below(int limit) => _random.Next(limit);

    public T Of<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Mostly small, sometimes near what a limit may be.</summary>
    public int Length() => Of<int>([0, 1, 2, 3, 5, 8, 20, 63, 64, 255, 256, 1023, 1024, 1025, 4096, 20_000]);
}
