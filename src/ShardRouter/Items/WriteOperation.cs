using ShardRouter.Consistency;
using ShardRouter.Keys;
using ShardRouter.Outcomes;

namespace ShardRouter.Items;

/// <summary>One change of one item, as <c>sharding.write_items</c> takes it.</summary>
/// <param name="Doc">The document (put), the patch, or the increment. It has been validated before.</param>
/// <param name="TtlSeconds">Null: a put never expires, and a patch keeps the expiry.</param>
/// <param name="ReturnDoc">The answer must have the document as it is after the change.</param>
/// <param name="Session">
/// The session of the request, which wants to know its write's place in the log; null: it does not want to know.
/// </param>
internal sealed record WriteOperation(
    WriteKind Kind, ItemKey Key, byte[]? Doc = null, WriteCondition Condition = default, int? TtlSeconds = null, bool ReturnDoc = false,
    RequestSession? Session = null)
{
    /// <summary>Ten years.</summary>
    public const int MaxTtlSeconds = 10 * 366 * 24 * 3600;

    /// <summary>Whether an item may live so long.</summary>
    public static bool IsTtl(long seconds) => seconds is >= 1 and <= MaxTtlSeconds;
}

internal enum WriteKind
{
    Put,
    Delete,
    MergePatch,
    JsonPatch,
    Increment,
    Check,
}
