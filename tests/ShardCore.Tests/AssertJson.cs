using System.Text.Json.Nodes;

namespace ShardCore.Tests;

/// <summary>Compares JSON by value: order of fields and blanks do not matter.</summary>
internal static class AssertJson
{
    public static void Equal(string expected, string? actual)
    {
        Assert.NotNull(actual);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual)), $"expected {expected}, got {actual}");
    }
}
