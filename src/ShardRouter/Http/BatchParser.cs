using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;
using ShardRouter.Documents;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Refusals;
using static ShardRouter.Http.JsonMembers;

namespace ShardRouter.Http;

/// <summary>Reads the bodies of batchGet, batchWrite, transact and locate. Unknown members are refused.</summary>
internal static class BatchParser
{
    public const int MaxOperations = 100;

    // The envelope adds three levels around a document: the body, the array, the operation. RequireOnly finds names that appear twice in
    // the envelope, and DocumentRules finds them in documents. The framework's own check would cost the size of the largest object for
    // each small one.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = DocumentRules.MaxDepth + 3 };

    /// <summary>The members of an operation, beside those that name its partition.</summary>
    private static readonly string[] OperationMembers =
        ["op", "id", "doc", "ifMatch", "ifNoneMatch", "ttl", "return", .. IncrementParser.Members];

    private static readonly string[] BatchMembers = ["pk", .. OperationMembers];
    private static readonly string[] TransactionMembers = ["pk", "collection", .. OperationMembers];

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
        RequireOnly(body, "", "ops", "return");
        var returnDoc = OptionalFlag(body, "return", "") ?? false;
        var operations = new List<WriteOperation>();
        foreach (var (operation, pointer) in Entries(body, "ops"))
        {
            RequireOnly(operation, pointer, BatchMembers);
            var key = new ItemKey(collection, Key(operation, "pk", pointer), Id(operation, pointer));
            operations.Add(Operation(operation, key, pointer, transaction: false, returnDoc));
        }
        return operations;
    }

    public static List<WriteOperation> Transaction(JsonElement body)
    {
        RequireOnly(body, "", "pk", "ops", "return");
        var partition = Key(body, "pk", "");
        var returnDoc = OptionalFlag(body, "return", "") ?? false;
        var operations = new List<WriteOperation>();
        foreach (var (operation, pointer) in Entries(body, "ops"))
        {
            RequireOnly(operation, pointer, TransactionMembers);
            if (operation.TryGetProperty("pk", out _) && Key(operation, "pk", pointer) != partition)
                throw new ProblemException(Problems.PartitionMismatch(operations.Count));
            var key = new ItemKey(ItemTarget.RequireName(Text(operation, "collection", pointer)), partition, Id(operation, pointer));
            operations.Add(Operation(operation, key, pointer, transaction: true, returnDoc));
        }
        return operations;
    }

    public static string Partition(JsonElement body)
    {
        RequireOnly(body, "", "pk");
        return Key(body, "pk", "");
    }

    /// <summary>
    /// A put without an id makes one: a UUID of version 7, so ids made later sort behind earlier ones. Nobody can have an entity tag of
    /// such an item.
    /// </summary>
    private static string Id(JsonElement operation, string pointer) =>
        operation.TryGetProperty("id", out _) || operation.TryGetProperty("ifMatch", out _) || OptionalText(operation, "op", pointer) != "put"
            ? Key(operation, "id", pointer)
            : Guid.CreateVersion7().ToString();

    /// <summary>A problem of the operation names its item: a person knows that one, and has to count to find "/ops/57".</summary>
    /// <param name="returnDoc">Whether the answer has the document afterwards, if the operation does not say it.</param>
    private static WriteOperation Operation(JsonElement operation, ItemKey key, string pointer, bool transaction, bool returnDoc)
    {
        try
        {
            return Operation(operation, Text(operation, "op", pointer), key, pointer, transaction) with
            {
                ReturnDoc = OptionalFlag(operation, "return", pointer) ?? returnDoc,
            };
        }
        catch (ProblemException e)
        {
            throw new ProblemException(e.Problem with { Item = (key.Collection, key.PartitionKey, key.Id) });
        }
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
            case "increment":
                RefuseDocument(operation, name, pointer);
                return new WriteOperation(WriteKind.Increment, key, IncrementParser.Steps(operation, pointer), condition, ttl);
            default:
                throw Invalid($"'op' must be one of put, patch, increment, delete{(transaction ? ", check" : "")}.", pointer + "/op");
        }
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
            throw Invalid($"'{name}' takes no 'doc'.", pointer + "/doc");
    }

    private static int? Ttl(JsonElement operation, string pointer)
    {
        if (!operation.TryGetProperty("ttl", out var ttl))
            return null;
        return ttl.ValueKind == JsonValueKind.Number && ttl.TryGetInt32(out var seconds) && WriteOperation.IsTtl(seconds)
            ? seconds
            : throw Invalid("'ttl' must be a whole number of seconds, at least 1 and at most ten years.", pointer + "/ttl");
    }

    private static IEnumerable<(JsonElement Entry, string Pointer)> Entries(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var array) || array.ValueKind != JsonValueKind.Array)
            throw Invalid(
                $"'{name}' {(body.TryGetProperty(name, out _) ? "is not" : "is missing:")} an array of 1 to {MaxOperations} entries.",
                "/" + name);
        var count = array.GetArrayLength();
        if (count is 0 or > MaxOperations)
            throw Invalid($"'{name}' has {count} entries; 1 to {MaxOperations} are allowed.", "/" + name);
        return array.EnumerateArray().Select((entry, index) => (entry, string.Create(CultureInfo.InvariantCulture, $"/{name}/{index}")));
    }
}
