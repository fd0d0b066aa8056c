using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace ShardRouter.Tests.Rings;

/// <summary>
/// Everything that may stand in Redis in a ring's place and is none. "Sealed" ones have a checksum that is right for
/// what they say, so that the fault itself must be found.
/// </summary>
internal static class BadRings
{
    /// <summary>Faults of the text; from the good document to a bad one.</summary>
    public static readonly Dictionary<string, Func<string, string>> OfText = new()
    {
        ["empty text"] = _ => "",
        ["no JSON"] = _ => "ring",
        ["null"] = _ => "null",
        ["a list"] = _ => "[]",
        ["an empty object"] = _ => "{}",
        ["truncated"] = good => good[..(good.Length / 2)],
        ["something behind it"] = good => good + "x",
        ["a changed port"] = good => good.Replace("\"port\":", "\"port\":1", StringComparison.Ordinal),
        ["a changed epoch"] = good => good.Replace("\"epoch\":", "\"epoch\":9", StringComparison.Ordinal),
        ["a changed checksum"] = good => good.Replace("sha256:", "sha256:0", StringComparison.Ordinal),
        ["no checksum"] = good => good[..good.IndexOf(",\"checksum\"", StringComparison.Ordinal)] + "}",
        ["5 MiB of blanks"] = good => good + new string(' ', 5 * 1024 * 1024),
    };

    /// <summary>Faults of what it says, sealed.</summary>
    public static readonly Dictionary<string, Action<JsonNode>> Sealed = new()
    {
        ["another schema"] = ring => ring["schema"] = 2,
        ["another hash"] = ring => ring["hash"] = "crc32",
        ["no cluster name"] = ring => ring["cluster"]!["name"] = "",
        ["another cluster's name"] = ring => ring["cluster"]!["name"] = "other",
        ["another cluster's id"] = ring => ring["cluster"]!["id"] = "00000000-0000-0000-0000-000000000001",
        ["a lower epoch"] = ring => ring["epoch"] = 1,
        ["epoch 0"] = ring => ring["epoch"] = 0,
        ["a negative epoch"] = ring => ring["epoch"] = -1,
        ["an epoch beyond doubles"] = ring => ring["epoch"] = 1L << 53,
        ["an unknown member"] = ring => ring["owner"] = "me",
        ["a password in a shard"] = ring => ring["shards"]![0]!["password"] = "secret",
        ["no slots"] = ring => ring["slots"] = new JsonArray(),
        ["no shards"] = ring => ring["shards"] = new JsonArray(),
        ["a gap"] = ring => ring["slots"]![1]![0] = ring["slots"]![1]![0]!.GetValue<int>() + 1,
        ["an overlap"] = ring => ring["slots"]![1]![0] = ring["slots"]![1]![0]!.GetValue<int>() - 1,
        ["a gap at the beginning"] = ring => ring["slots"]![0]![0] = 1,
        ["a gap at the end"] = ring => ring["slots"]![2]![1] = 16_382,
        ["a slot too many"] = ring => ring["slots"]![2]![1] = 16_384,
        ["a run that ends before it begins"] = ring => ring["slots"]!.AsArray().Insert(0, new JsonArray(0, -1, "s1")),
        ["an unknown owner"] = ring => ring["slots"]![1]![2] = "s9",
        ["a shard twice"] = ring => ring["shards"]!.AsArray().Add(ring["shards"]![0]!.DeepClone()),
        ["a bad shard id"] = ring => ring["shards"]![0]!["id"] = "S 1",
        ["no host"] = ring => ring["shards"]![0]!["host"] = "",
        ["a host that is a connection string"] = ring => ring["shards"]![0]!["host"] = "h;Password=x",
        ["port 0"] = ring => ring["shards"]![0]!["port"] = 0,
        ["port 65536"] = ring => ring["shards"]![0]!["port"] = 65_536,
        ["no database"] = ring => ring["shards"]![0]!["database"] = "",
        ["weight 0"] = ring => ring["shards"]![0]!["weight"] = 0,
        ["an unknown state"] = ring => ring["shards"]![0]!["state"] = "resting",
    };

    public static string Seal(string good, Action<JsonNode> spoil)
    {
        var ring = JsonNode.Parse(good)!;
        ring["checksum"] = "";
        spoil(ring);
        ring["checksum"] = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ring.ToJsonString())));
        return ring.ToJsonString();
    }
}
