using System.Text.Json;

namespace ShardRouter.Tests.Setup;

/// <summary>Compares JSON by its meaning: jsonb keeps neither the order of names nor blanks.</summary>
internal static class JsonAssert
{
    public static void Equal(string expected, string actual) => Equal(expected, JsonElement.Parse(actual));

    public static void Equal(string expected, JsonElement actual)
    {
        if (!JsonElement.DeepEquals(JsonElement.Parse(expected), actual))
            Assert.Fail($"Expected {expected}\nActual   {actual.GetRawText()}");
    }
}
