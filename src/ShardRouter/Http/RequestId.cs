using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ShardRouter.Http;

/// <summary>
/// Makes ids for requests that came without one. An id has 32 hexadecimal digits: half are the router's own random number, half are a
/// count.
/// </summary>
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
