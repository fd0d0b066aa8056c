using ShardRouter.Consistency;

namespace ShardRouter.Items;

/// <summary>One change of one item, as <c>sharding.write_items</c> takes it.</summary>
/// <param name="Doc">The document (put), the patch, or the increment; validated before it comes here.</param>
/// <param name="TtlSeconds">null: a put never expires, a patch keeps the expiry.</param>
/// <param name="ReturnDoc">The answer shall hold the document as it is after the change.</param>
/// <param name="Session">Of the request, which wants to know where its write is in the log; null: it does not.</param>
internal sealed record WriteOperation(
    WriteKind Kind, ItemKey Key, byte[]? Doc = null, WriteCondition Condition = default, int? TtlSeconds = null, bool ReturnDoc = false,
    RequestSession? Session = null);
