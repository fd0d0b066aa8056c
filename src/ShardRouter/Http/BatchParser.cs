using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;
using ShardRouter.Documents;
using ShardRouter.Endpoints;
using ShardRouter.Items;

namespace ShardRouter.Http;

/// <summary>Reads the bodies of batchGet, batchWrite, transact and locate. Whatever is not known there is refused.</summary>
internal static class BatchParser
{
    public const int MaxOperations = 100;

    // The envelope adds three levels around a document: the body, the array, the operation. Names that stand twice are looked for in
    // RequireOnly and, within documents, in DocumentRules: the framework's own check costs the largest object's size for each small one.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = DocumentRules.MaxDepth + 3 };

    public static JsonDocument Parse(byte[] body)
    {
        if (!Utf8.IsValid(body))
            throw Invalid("The text is not valid UTF-8.");
        try
        {
            var document = JsonDocument.Parse(body, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw Invalid("Expected a JSON object.");
        }
        catch (JsonException e)
        {
            throw Invalid(body.Length == 0 ? "The body is empty." : $"Not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}: see RFC 8259.");
        }
    }

    public static List<ItemKey> Keys(JsonElement body, string collection)
    {
        RequireOnly(body, "", "keys");
        var keys = new List<ItemKey>();
        foreach (var (key, pointer) in Entries(body, "keys"))
        {
            RequireOnly(key, pointer, "pk", "id");
            keys.Add(new ItemKey(collection, Key(key, "pk", pointer), Key(key, "id", pointer)));
        }
        return keys;
    }

    public static List<WriteOperation> Operations(JsonElement body, string collection)
    {
        RequireOnly(body, "", "ops");
        var operations = new List<WriteOperation>();
        foreach (var (operation, pointer) in Entries(body, "ops"))
        {
            RequireOnly(operation, pointer, "op", "pk", "id", "doc", "ifMatch", "ifNoneMatch", "ttl");
            var key = new ItemKey(collection, Key(operation, "pk", pointer), Key(operation, "id", pointer));
            operations.Add(Operation(operation, Text(operation, "op", pointer), key, pointer, transaction: false));
        }
        return operations;
    }

    public static List<WriteOperation> Transaction(JsonElement body)
    {
        RequireOnly(body, "", "pk", "ops");
        var partition = Key(body, "pk", "");
        var operations = new List<WriteOperation>();
        foreach (var (operation, pointer) in Entries(body, "ops"))
        {
            RequireOnly(operation, pointer, "op", "pk", "collection", "id", "doc", "ifMatch", "ifNoneMatch", "ttl", "path", "by");
            if (operation.TryGetProperty("pk", out _) && Key(operation, "pk", pointer) != partition)
                throw new ProblemException(Problems.PartitionMismatch(operations.Count));
            var key = new ItemKey(ItemTarget.RequireName(Text(operation, "collection", pointer)), partition, Key(operation, "id", pointer));
            operations.Add(Operation(operation, Text(operation, "op", pointer), key, pointer, transaction: true));
        }
        return operations;
    }

    public static string Partition(JsonElement body)
    {
        RequireOnly(body, "", "pk");
        return Key(body, "pk", "");
    }

    private static WriteOperation Operation(JsonElement operation, string name, ItemKey key, string pointer, bool transaction)
    {
        var condition = ETag.Condition(
            OptionalText(operation, "ifMatch", pointer), OptionalText(operation, "ifNoneMatch", pointer),
            (which, detail) => Problems.InvalidJson(detail, $"{pointer}/{char.ToLowerInvariant(which[0])}{which.Replace("-", "", StringComparison.Ordinal)[1..]}"));
        var ttl = Ttl(operation, pointer);
        switch (name)
        {
            case "put":
                return new WriteOperation(WriteKind.Put, key, Document(operation, pointer), condition, ttl);
            case "patch":
                var patch = Document(operation, pointer, allowArray: true);
                var isMergePatch = operation.GetProperty("doc").ValueKind == JsonValueKind.Object;
                if (isMergePatch)
                    MergePatchRules.Check(patch, pointer + "/doc");
                else
                    JsonPatchRules.Check(patch, pointer + "/doc");
                return new WriteOperation(isMergePatch ? WriteKind.MergePatch : WriteKind.JsonPatch, key, patch, condition, ttl);
            case "delete":
                RefuseDocument(operation, name, pointer);
                return new WriteOperation(WriteKind.Delete, key, Condition: condition);
            case "check" when transaction:
                RefuseDocument(operation, name, pointer);
                return new WriteOperation(WriteKind.Check, key, Condition: condition);
            case "increment" when transaction:
                RefuseDocument(operation, name, pointer);
                return new WriteOperation(WriteKind.Increment, key, Increment(operation, pointer), condition, ttl);
            default:
                throw Invalid($"'op' is one of put, patch, delete{(transaction ? ", check, increment" : "")}.", pointer + "/op");
        }
    }

    private static byte[] Increment(JsonElement operation, string pointer)
    {
        var path = FieldPath.Parse(Text(operation, "path", pointer)) ?? throw Invalid("'path' names no field: a.b, or /a.b/c as a JSON pointer.", pointer + "/path");
        if (!operation.TryGetProperty("by", out var by) || by.ValueKind != JsonValueKind.Number || !DocumentRules.IsPrintable(JsonMarshal.GetRawUtf8Value(by)))
            throw Invalid($"'by' is a number of at most {DocumentRules.MaxDigits} digits.", pointer + "/by");
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("path");
            foreach (var step in path)
                json.WriteStringValue(step);
            json.WriteEndArray();
            json.WritePropertyName("by");
            json.WriteRawValue(JsonMarshal.GetRawUtf8Value(by));
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static byte[] Document(JsonElement operation, string pointer, bool allowArray = false)
    {
        if (!operation.TryGetProperty("doc", out var doc))
            throw Invalid("This operation needs a 'doc'.", pointer);
        var utf8 = JsonMarshal.GetRawUtf8Value(doc);
        if (utf8.Length > RequestBody.MaxDocumentBytes)
            throw new ProblemException(Problems.TooLarge($"A document may have at most {RequestBody.MaxDocumentBytes} bytes.") with { Pointer = pointer + "/doc" });
        DocumentRules.Check(utf8, allowArray, pointer + "/doc");
        return utf8.ToArray();
    }

    private static void RefuseDocument(JsonElement operation, string name, string pointer)
    {
        if (operation.TryGetProperty("doc", out _))
            throw Invalid($"'{name}' has no 'doc'.", pointer + "/doc");
    }

    private static int? Ttl(JsonElement operation, string pointer)
    {
        if (!operation.TryGetProperty("ttl", out var ttl))
            return null;
        return ttl.ValueKind == JsonValueKind.Number && ttl.TryGetInt32(out var seconds) && ItemEndpoints.IsTtl(seconds)
            ? seconds
            : throw Invalid("'ttl' is a whole number of seconds from 1 to ten years.", pointer + "/ttl");
    }

    private static IEnumerable<(JsonElement Entry, string Pointer)> Entries(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var array) || array.ValueKind != JsonValueKind.Array)
            throw Invalid($"Expected an array '{name}'.", "/" + name);
        var count = array.GetArrayLength();
        if (count is 0 or > MaxOperations)
            throw Invalid($"'{name}' has {count} entries; 1 to {MaxOperations} are allowed.", "/" + name);
        return array.EnumerateArray().Select((entry, index) => (entry, string.Create(CultureInfo.InvariantCulture, $"/{name}/{index}")));
    }

    private static void RequireOnly(JsonElement element, string pointer, params string[] names)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Invalid("Expected an object.", pointer);
        var seen = 0;
        foreach (var member in element.EnumerateObject())
        {
            var name = SafeName(member);
            var known = Array.IndexOf(names, name);
            if (known < 0)
                throw Invalid($"Unknown here; expected only {string.Join(", ", names)}.", $"{pointer}/{Shorten(name)}");
            if ((seen & (1 << known)) != 0)
                throw Invalid("The name stands twice in one object.", $"{pointer}/{name}");
            seen |= 1 << known;
        }
    }

    private static string Key(JsonElement element, string name, string pointer) =>
        RawTarget.CheckKey(Text(element, name, pointer), name, $"{pointer}/{name}");

    private static string? OptionalText(JsonElement element, string name, string pointer) =>
        element.TryGetProperty(name, out _) ? Text(element, name, pointer) : null;

    private static string Text(JsonElement element, string name, string pointer)
    {
        if (!element.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            throw Invalid($"Expected a text '{name}'.", $"{pointer}/{name}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException) // a lone surrogate
        {
            throw Invalid("A text contains an unpaired surrogate (\\uD800…\\uDFFF).", $"{pointer}/{name}");
        }
    }

    private static string SafeName(JsonProperty member)
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

    private static ProblemException Invalid(string detail, string? pointer = null) => new(Problems.InvalidJson(detail, pointer));
}
