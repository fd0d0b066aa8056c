using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ShardRouter.Http;

/// <summary>Names for requests that came without one: 32 hexadecimal digits, a router's own random half and a count.</summary>
internal static class RequestId
{
    private static readonly string Router = RandomNumberGenerator.GetHexString(16, lowercase: true);

    private static long _count = BinaryPrimitives.ReadInt64LittleEndian(RandomNumberGenerator.GetBytes(8)) & uint.MaxValue;

    public static string Next() => string.Create(32, Interlocked.Increment(ref _count), static (text, count) =>
    {
        Router.CopyTo(text);
        count.TryFormat(text[16..], out _, "x16");
    });
}
