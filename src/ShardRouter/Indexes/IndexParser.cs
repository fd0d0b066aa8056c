using System.Text.Json;
using ShardCore.Indexes;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Refusals;

namespace ShardRouter.Indexes;

/// <summary>Reads the definition of an index: <c>{"fields":[{"path":"total","type":"number","dir":"desc"}],"unique":"partition"}</c>.</summary>
internal static class IndexParser
{
    /// <summary>Postgres keeps an index's expressions in one row of 8 KiB, each path three times.</summary>
    private const int MostPathCharacters = 256;

    private static readonly string[] Types = ["text", "number", "boolean", "timestamp"];

    /// <exception cref="ProblemException">invalid-json.</exception>
    public static (IReadOnlyList<IndexField> Fields, bool IsUnique) Parse(JsonElement body)
    {
        JsonMembers.RequireOnly(body, "", "fields", "unique");
        if (!body.TryGetProperty("fields", out var fields) || fields.ValueKind != JsonValueKind.Array
            || fields.GetArrayLength() is 0 or > IndexField.Most)
            throw JsonMembers.Invalid($"'fields' must be an array of 1 to {IndexField.Most} fields.", "/fields");
        IndexField[] parsed = [.. fields.EnumerateArray().Select((field, i) => Field(field, $"/fields/{i}"))];
        for (var i = 1; i < parsed.Length; i++)
            if (Array.Exists(parsed[..i], before => before.Steps.AsSpan().SequenceEqual(parsed[i].Steps)))
                throw JsonMembers.Invalid("The field is in the index already.", $"/fields/{i}/path");
        return (parsed, IsUnique(body));
    }

    /// <summary>The rule for names; those of the indexes that each collection has by itself are taken.</summary>
    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static string RequireName(string name) =>
        ShardCore.Collections.CollectionName.IsValid(name) && name is not ("pkey" or "expires_at")
            ? name
            : throw new ProblemException(Problems.InvalidParameter(
                "index", $"The name of an index is {ShardCore.Collections.CollectionName.Rule}, and not pkey or expires_at."));

    private static IndexField Field(JsonElement field, string pointer)
    {
        JsonMembers.RequireOnly(field, pointer, "path", "type", "dir");
        var path = JsonMembers.Text(field, "path", pointer);
        var steps = FieldPath.Parse(path)
            ?? throw JsonMembers.Invalid("It is not a path to a field. Write a.b, or /a.b/c as a JSON pointer.", pointer + "/path");
        if (path.Length > MostPathCharacters)
            throw JsonMembers.Invalid($"The path of an indexed field has at most {MostPathCharacters} characters.", pointer + "/path");
        var type = JsonMembers.OptionalText(field, "type", pointer);
        if (type is not null && !Types.Contains(type, StringComparer.Ordinal))
            throw JsonMembers.Invalid($"Expected one of {string.Join(", ", Types)}.", pointer + "/type");
        return new IndexField(path, steps, type, JsonMembers.OptionalText(field, "dir", pointer) switch
        {
            null or "asc" => false,
            "desc" => true,
            _ => throw JsonMembers.Invalid("Expected \"asc\" or \"desc\".", pointer + "/dir"),
        });
    }

    private static bool IsUnique(JsonElement body) => !body.TryGetProperty("unique", out var unique) ? false : unique.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.String when unique.ValueEquals("partition") => true,
        _ => throw JsonMembers.Invalid("Expected \"partition\" or false: a value can only be unique among the items of one partition.", "/unique"),
    };
}
