using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ShardCore.RingDocuments;

namespace ShardCore.Tests.RingStorage;

/// <summary>Makes bad documents whose checksum is right, so that what lies behind the checksum is tested too.</summary>
internal static class SealedRing
{
    public const string Good =
        """{"schema":1,"cluster":{"name":"default","id":"0199b3a4-5c6d-7e8f-9012-3456789abcde"},"epoch":7,"hash":"sha256-14","shards":[{"id":"s1","host":"10.0.0.1","port":5432,"database":"app","weight":1,"state":"active"},{"id":"s2","host":"10.0.0.2","port":5432,"database":"app","weight":2,"state":"draining"}],"slots":[[0,99,"s1"],[100,199,"s2"],[200,16383,"s1"]],"checksum":""}""";

    /// <summary>Puts the right checksum into whatever still reads as a document; anything else stays as it is.</summary>
    public static string Seal(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RingJson.Default.RingDocument) is { } document
                ? JsonSerializer.Serialize(document with { Checksum = ChecksumOf(document) }, RingJson.Default.RingDocument)
                : json;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return json;
        }
    }

    private static string ChecksumOf(RingDocument document)
    {
        var text = JsonSerializer.Serialize(document with { Checksum = "" }, RingJson.Default.RingDocument);
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
