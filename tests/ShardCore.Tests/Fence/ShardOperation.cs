using ShardCore.Ring;

namespace ShardCore.Tests.Fence;

/// <summary>One operation as <c>sharding.write_items</c> takes it.</summary>
internal sealed record ShardOperation(
    string Operation, string Id, string? Doc = null, string Condition = "none", string? Versions = null, int? Ttl = null)
{
    public string Pk { get; init; } = ShardUnderTest.Pk;

    public string Collection { get; init; } = ShardUnderTest.Collection;

    public bool ReturnDoc { get; init; } = true;

    public short Slot => (short)SlotHash.Of(Pk).Value;

    public static ShardOperation Put(string id, string doc = "{}", string condition = "none", long? version = null, int? ttl = null) =>
        new("put", id, doc, condition, version is null ? null : $"{{{version}}}", ttl);

    public static ShardOperation Delete(string id, string condition = "none", long? version = null) =>
        new("delete", id, null, condition, version is null ? null : $"{{{version}}}");

    public static ShardOperation Check(string id, string condition = "none", long? version = null) =>
        new("check", id, null, condition, version is null ? null : $"{{{version}}}");

    public static ShardOperation MergePatch(string id, string patch, string condition = "none", int? ttl = null) =>
        new("merge_patch", id, patch, condition, null, ttl);

    public static ShardOperation JsonPatch(string id, string patch, string condition = "none") => new("json_patch", id, patch, condition);

    public static ShardOperation Increment(string id, string path, decimal by, string condition = "none") =>
        Increments(id, FormattableString.Invariant($$"""[{"path":{{path}},"by":{{by}}}]"""), condition);

    public static ShardOperation Increments(string id, string steps, string condition = "none") => new("increment", id, steps, condition);
}
