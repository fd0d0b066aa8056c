using System.Text.Json;
using ShardRouter.Keys;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>Reads the members of an envelope's objects. Each problem says where in the body the fault is.</summary>
internal static class JsonMembers
{
    /// <exception cref="ProblemException">invalid-json: it is no object, or a member is unknown or given twice.</exception>
    public static void RequireOnly(JsonElement element, string pointer, params string[] names)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Invalid("Expected an object.", pointer);
        var seen = 0;
        foreach (var member in element.EnumerateObject())
        {
            var name = SafeName(member);
            var known = Array.IndexOf(names, name);
            if (known < 0)
                throw Invalid($"'{Shorten(name)}' is not known here; expected only {string.Join(", ", names)}.", $"{pointer}/{Shorten(name)}");
            if ((seen & (1 << known)) != 0)
                throw Invalid("The name appears twice in one object.", $"{pointer}/{name}");
            seen |= 1 << known;
        }
    }

    /// <exception cref="ProblemException">invalid-json, invalid-key.</exception>
    public static string Key(JsonElement element, string name, string pointer) =>
        RawTarget.CheckKey(Text(element, name, pointer), name, $"{pointer}/{name}");

    public static string? OptionalText(JsonElement element, string name, string pointer) =>
        element.TryGetProperty(name, out _) ? Text(element, name, pointer) : null;

    public static string Text(JsonElement element, string name, string pointer)
    {
        if (!element.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            throw Invalid(
                $"'{name}' {(value.ValueKind == JsonValueKind.Undefined ? "is missing: a string" : "is not a string")}.", $"{pointer}/{name}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException) // a lone surrogate
        {
            throw Invalid("A string contains an unpaired surrogate (\\uD800…\\uDFFF).", $"{pointer}/{name}");
        }
    }

    /// <returns>Null: the member is missing.</returns>
    public static bool? OptionalFlag(JsonElement element, string name, string pointer) =>
        !element.TryGetProperty(name, out var value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Invalid($"'{name}' is not true or false.", $"{pointer}/{name}");

    public static ProblemException Invalid(string detail, string? pointer = null) => new(Problems.InvalidJson(detail, pointer));

    /// <returns>The name for a message. A name with a lone surrogate is no text, and becomes a question mark.</returns>
    public static string SafeName(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return "?";
        }
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 60), "…");
}
