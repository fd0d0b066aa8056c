using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ShardRouter.Documents;
using ShardRouter.Refusals;
using static ShardRouter.Http.JsonMembers;

namespace ShardRouter.Http;

/// <summary>
/// Reads an increment: <c>path</c>, <c>by</c>, and perhaps <c>min</c> and <c>max</c>. Or several of them in <c>increments</c>, which are
/// applied in their order, all or none.
/// </summary>
internal static class IncrementParser
{
    /// <summary>The body of a PATCH with an increment.</summary>
    public const string MediaType = "application/vnd.sharding.increment+json";

    public const int MaxSteps = 100;

    /// <summary>The members that an increment may have, beside those of the operation that it is in.</summary>
    public static readonly string[] Members = ["path", "by", "min", "max", "increments"];

    /// <param name="body">The body of a PATCH: <see cref="Members"/> and nothing else.</param>
    /// <exception cref="ProblemException">invalid-json.</exception>
    public static byte[] Body(byte[] body)
    {
        using var document = BatchParser.Parse(body);
        RequireOnly(document.RootElement, "", Members);
        return Steps(document.RootElement, "");
    }

    /// <param name="operation">An object whose members are known to be no others than it may have.</param>
    /// <param name="pointer">The object's place in the body.</param>
    /// <returns>What <c>sharding.increments</c> takes.</returns>
    /// <exception cref="ProblemException">invalid-json.</exception>
    public static byte[] Steps(JsonElement operation, string pointer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            if (operation.TryGetProperty("increments", out var several))
                WriteSeveral(json, operation, several, pointer);
            else
                WriteStep(json, operation, pointer);
            json.WriteEndArray();
        }
        return buffer.ToArray();
    }

    private static void WriteSeveral(Utf8JsonWriter json, JsonElement operation, JsonElement several, string pointer)
    {
        foreach (var name in Members.AsSpan(..^1))
            if (operation.TryGetProperty(name, out _))
                throw Invalid($"'{name}' and 'increments' exclude each other.", $"{pointer}/{name}");
        if (several.ValueKind != JsonValueKind.Array || several.GetArrayLength() is 0 or > MaxSteps)
            throw Invalid($"'increments' is not an array of 1 to {MaxSteps} entries.", pointer + "/increments");
        var index = 0;
        foreach (var step in several.EnumerateArray())
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"{pointer}/increments/{index++}");
            RequireOnly(step, place, Members[..^1]);
            WriteStep(json, step, place);
        }
    }

    private static void WriteStep(Utf8JsonWriter json, JsonElement step, string pointer)
    {
        var path = FieldPath.Parse(Text(step, "path", pointer))
            ?? throw Invalid("'path' is not a path to a field. Write a.b, or /a.b/c as a JSON pointer.", pointer + "/path");
        json.WriteStartObject();
        json.WriteStartArray("path");
        foreach (var name in path)
            json.WriteStringValue(name);
        json.WriteEndArray();
        WriteNumber(json, step, "by", pointer);
        if (step.TryGetProperty("min", out _))
            WriteNumber(json, step, "min", pointer);
        if (step.TryGetProperty("max", out _))
            WriteNumber(json, step, "max", pointer);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, JsonElement step, string name, string pointer)
    {
        if (!step.TryGetProperty(name, out var number) || number.ValueKind != JsonValueKind.Number
            || !DocumentRules.IsPrintable(JsonMarshal.GetRawUtf8Value(number)))
            throw Invalid($"'{name}' must be a number of at most {DocumentRules.MaxDigits} digits.", $"{pointer}/{name}");
        json.WritePropertyName(name);
        json.WriteRawValue(JsonMarshal.GetRawUtf8Value(number));
    }
}
