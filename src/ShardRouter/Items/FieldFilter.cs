namespace ShardRouter.Items;

/// <summary>A condition on one field of a document.</summary>
/// <param name="Values">JSON texts of scalars: one, or for <see cref="FieldOperator.In"/> several.</param>
internal sealed record FieldFilter(string[] Path, FieldOperator Operator, IReadOnlyList<string> Values);

/// <summary>What a filter asks; numbers compare with numbers and texts with texts, bytewise.</summary>
internal enum FieldOperator
{
    Eq,

    /// <summary>Another value, or none.</summary>
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,

    /// <summary>A text that begins so.</summary>
    Prefix,
    Exists,

    /// <summary>A text that has this within it, or an array that has this element.</summary>
    Contains,
}
