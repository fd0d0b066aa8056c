namespace ShardCore.Access;

/// <summary>
/// The CRC-32 of zlib, gzip and PNG. Every language has it, which cannot be said of the one that the framework has (CRC-32C).
/// </summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(value => Shift((uint)value))];

    /// <param name="ascii">Characters below 256, each taken as a byte.</param>
    public static uint Of(ReadOnlySpan<char> ascii)
    {
        var crc = uint.MaxValue;
        foreach (var c in ascii)
            crc = (crc >> 8) ^ Table[(byte)(crc ^ c)];
        return ~crc;
    }

    private static uint Shift(uint value)
    {
        for (var bit = 0; bit < 8; bit++)
            value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ 0xEDB88320;
        return value;
    }
}
