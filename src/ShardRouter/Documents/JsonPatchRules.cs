using System.Text.Json;
using ShardRouter.Refusals;

namespace ShardRouter.Documents;

/// <summary>Checks the form of a JSON Patch (RFC 6902). The shard, which applies patches, then gets only well-formed ones.</summary>
internal static class JsonPatchRules
{
    public const int MaxOperations = 1000;

    /// <exception cref="ProblemException">invalid-patch.</exception>
    public static void Check(ReadOnlyMemory<byte> utf8, string? pointer = null)
    {
        using var patch = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = DocumentRules.MaxDepth + 1 });
        if (patch.RootElement.ValueKind != JsonValueKind.Array)
            throw Invalid("A JSON Patch is an array of operations.", pointer);
        if (patch.RootElement.GetArrayLength() > MaxOperations)
            throw Invalid($"A JSON Patch has at most {MaxOperations} operations.", pointer);
        var index = 0;
        foreach (var operation in patch.RootElement.EnumerateArray())
            CheckOperation(operation, $"{pointer}/{index++}");
    }

    private static void CheckOperation(JsonElement operation, string pointer)
    {
        if (operation.ValueKind != JsonValueKind.Object)
            throw Invalid("An operation is an object.", pointer);
        var name = Text(operation, "op", pointer);
        RequirePointer(Text(operation, "path", pointer), pointer);
        switch (name)
        {
            case "add" or "replace" or "test":
                if (!operation.TryGetProperty("value", out _))
                    throw Invalid($"'{name}' needs a 'value'.", pointer);
                break;
            case "move" or "copy":
                RequirePointer(Text(operation, "from", pointer), pointer);
                break;
            case "remove":
                break;
            default:
                throw Invalid("'op' must be one of add, remove, replace, move, copy, test.", pointer);
        }
    }

    private static void RequirePointer(string path, string pointer)
    {
        if (path.Length > 0 && path[0] != '/')
            throw Invalid("A path is empty or begins with '/'.", pointer);
    }

    private static string Text(JsonElement operation, string name, string pointer) =>
        operation.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw Invalid($"An operation must have a string '{name}'.", pointer);

    private static ProblemException Invalid(string detail, string? pointer) => new(Problems.InvalidPatch(detail, pointer));
}
