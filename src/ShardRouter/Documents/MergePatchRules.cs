using System.Text.Json;
using ShardRouter.Refusals;

namespace ShardRouter.Documents;

/// <summary>
/// Limits how many objects a merge patch (RFC 7396) has, because the shard merges object by object, at some microseconds each.
/// </summary>
internal static class MergePatchRules
{
    /// <summary>Objects inside arrays do not count: a merge replaces an array as a whole.</summary>
    public const int MaxObjects = 10_000;

    private const int LeastBytesOfObject = 6; // "":{},

    /// <param name="utf8">Well-formed JSON.</param>
    /// <exception cref="ProblemException">invalid-patch.</exception>
    public static void Check(ReadOnlySpan<byte> utf8, string? pointer = null)
    {
        if (utf8.Length < MaxObjects * LeastBytesOfObject)
            return;
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = DocumentRules.MaxDepth });
        var objects = 0;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartArray)
                reader.Skip();
            else if (reader.TokenType == JsonTokenType.StartObject && ++objects > MaxObjects)
                throw new ProblemException(
                    Problems.InvalidPatch($"A merge patch has at most {MaxObjects} objects outside of arrays.", pointer));
        }
    }
}
