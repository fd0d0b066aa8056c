using System.Text.Json;
using System.Text.RegularExpressions;
using ShardCore.Documents;

namespace ShardCore.Indexes;

/// <summary>A field of an index, as <c>sharding.item_index</c> has it in <c>fields</c>.</summary>
/// <param name="Path">As it was written.</param>
/// <param name="Steps">The path, parsed.</param>
/// <param name="Type">What its author expects there; null: nothing was said. An index has the values of all types anyway.</param>
public sealed partial record IndexField(string Path, string[] Steps, string? Type, bool Descending)
{
    public const int Most = 3;

    public const string Form = "PATH[:TYPE[:asc|desc]], with TYPE text, number, boolean or timestamp";

    /// <remarks>A name with a colon is written as a JSON pointer: otherwise a misspelt type would be a part of the name.</remarks>
    /// <returns>Null: it is not of the <see cref="Form"/>.</returns>
    public static IndexField? Parse(string text)
    {
        var parts = Parts().Match(text);
        var hasColon = parts.Groups["path"].Value.Contains(':', StringComparison.Ordinal);
        return parts.Success && (!hasColon || text.StartsWith('/')) && FieldPath.Parse(parts.Groups["path"].Value) is { } steps
            ? new IndexField(
                parts.Groups["path"].Value, steps, parts.Groups["type"] is { Success: true } type ? type.Value : null,
                parts.Groups["dir"].Value == "desc")
            : null;
    }

    /// <summary>The fields as a definition has them: Postgres compares this text, so all programs write it here.</summary>
    public static string Write(IEnumerable<IndexField> fields) => JsonSerializer.Serialize(fields.Select(field => new
    {
        path = field.Path,
        steps = field.Steps,
        type = field.Type,
        dir = field.Descending ? "desc" : "asc",
    }));

    /// <inheritdoc cref="Write" />
    public static IReadOnlyList<IndexField> Read(string json)
    {
        using var fields = JsonDocument.Parse(json);
        return [.. fields.RootElement.EnumerateArray().Select(field => new IndexField(
            field.GetProperty("path").GetString()!,
            [.. field.GetProperty("steps").EnumerateArray().Select(step => step.GetString()!)],
            field.TryGetProperty("type", out var type) ? type.GetString() : null,
            field.GetProperty("dir").GetString() == "desc"))];
    }

    /// <summary>As a person types it.</summary>
    public override string ToString() =>
        Path + (Type is null && !Descending ? "" : $":{Type}{(Descending ? ":desc" : "")}");

    [GeneratedRegex(
        @"\A(?<path>.+?)(:(?<type>text|number|boolean|timestamp)(:(?<dir>asc|desc))?|::(?<dir>asc|desc))?\z",
        RegexOptions.ExplicitCapture | RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Parts();
}
