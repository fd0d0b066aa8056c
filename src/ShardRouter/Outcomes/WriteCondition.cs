namespace ShardRouter.Outcomes;

/// <summary>The condition that must hold for the item, under its row lock, for the write to happen.</summary>
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
