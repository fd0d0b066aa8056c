namespace ShardRouter.Items;

/// <summary>What must hold of the item as it is now, under its row lock, for the write to happen.</summary>
/// <param name="Versions">For the last two kinds: Postgres' array literal of versions, for instance <c>{17,18}</c>.</param>
internal readonly record struct WriteCondition(WriteConditionKind Kind, string? Versions = null);

internal enum WriteConditionKind
{
    None,
    Absent,
    Present,
    Match,
    NoMatch,
}
