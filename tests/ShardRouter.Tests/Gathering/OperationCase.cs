using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>One operation on an item of its own, whose answer follows from whether the item exists, and from nothing else.</summary>
internal sealed record OperationCase(string Id, string Verb, bool Exists, string Condition, int ExpectedStatus, string? ExpectedCode, string? ExpectedDocument)
{
    private const string Before = """{"n":1}""";
    private const string Written = """{"n":2}""";

    /// <summary>Of the item as it stands; set once it does.</summary>
    public string ETag { get; set; } = "\"1\"";

    public static OperationCase Random(Random random, string id)
    {
        var exists = random.Next(2) == 0;
        var condition = random.Next(5) switch { 0 => "absent", 1 => "present", 2 => "match", 3 => "mismatch", _ => "none" };
        var refused = condition switch { "absent" => exists, "present" or "match" => !exists, "mismatch" => true, _ => false };
        var untouched = exists ? Before : null;
        return random.Next(6) switch
        {
            0 => new(id, "GET", exists, "none", exists ? 200 : 404, exists ? null : "item-not-found", untouched),
            1 when !refused => new(id, "DELETE", exists, condition, exists ? 204 : 404, exists ? null : "item-not-found", null),
            2 when !refused && exists => new(id, "PATCH", exists, condition, 200, null, """{"n":1,"m":3}"""),
            3 when !refused && exists => new(id, "BADPATCH", exists, condition, 422, null, untouched),
            _ when refused => new(id, "PUT", exists, condition, 412, "precondition-failed", untouched),
            _ => new(id, "PUT", exists, condition, exists ? 200 : 201, null, Written),
        };
    }

    public Task<ApiReply> SendAsync(ApiCollection items, string pk)
    {
        (string, string)[] condition = Condition switch
        {
            "absent" => [("If-None-Match", "*")],
            "present" => [("If-Match", "*")],
            "match" => [("If-Match", ETag)],
            "mismatch" => [("If-Match", "\"2\"")],
            _ => [],
        };
        return Verb switch
        {
            "GET" => items.GetAsync(pk, Id),
            "DELETE" => items.DeleteAsync(pk, Id, condition),
            "PATCH" => items.MergePatchAsync(pk, Id, """{"m":3}""", condition),
            "BADPATCH" => items.JsonPatchAsync(pk, Id, """[{"op":"remove","path":"/nothing"}]""", condition),
            _ => items.PutAsync(pk, Id, Written, condition),
        };
    }
}
