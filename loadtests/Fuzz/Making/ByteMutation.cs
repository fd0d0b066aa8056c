using System.Text;

namespace Fuzz.Making;

/// <summary>Changes bytes without knowing what they mean.</summary>
internal static class ByteMutation
{
    private static readonly byte[][] Pieces =
    [
        .. ((string[])["\r\n", "\n", "\r", "\r\n\r\n", "\0", " ", "\t", ":", "%", "/", "?", "Content-Length: 5\r\n", "Content-Length: -1\r\n",
            "Content-Length: 99999999999\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
            "Host: a\r\n", " HTTP/1.0\r\n", " HTTP/2.0\r\n", " HTTP/1.1\r\n", "ffffffff\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n", "Expect: 100-continue\r\n",
            "Connection: close\r\n", "X: \r\n y\r\n", "\u00ff", "http://x/", "*", "{", "\"", "\\u0000", "1e999"]).Select(Encoding.Latin1.GetBytes),
    ];

    public static byte[] Mutate(byte[] bytes, Chance chance)
    {
        var changed = bytes.ToList();
        for (var times = 1 + chance.Below(4); times > 0; times--)
        {
            var at = chance.Below(changed.Count + 1);
            var count = Math.Min(chance.Below(20), changed.Count - at);
            switch (chance.Below(6))
            {
                case 0 when at < changed.Count:
                    changed[at] ^= (byte)(1 << chance.Below(8));
                    break;
                case 1 when at < changed.Count:
                    changed[at] = chance.Bytes(1)[0];
                    break;
                case 2:
                    changed.RemoveRange(at, count);
                    break;
                case 3:
                    changed.InsertRange(at, changed.GetRange(at, count));
                    break;
                case 4:
                    changed.InsertRange(at, chance.Bytes(1 + chance.Below(8)));
                    break;
                default:
                    changed.InsertRange(at, chance.Of(Pieces));
                    break;
            }
        }
        return [.. changed];
    }
}
