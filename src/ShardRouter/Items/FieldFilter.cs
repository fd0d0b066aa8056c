namespace ShardRouter.Items;

/// <summary>A condition on one field of a document.</summary>
/// <param name="Values">JSON texts of scalars: one value, or several for <see cref="FieldOperator.In"/>.</param>
internal sealed record FieldFilter(string[] Path, FieldOperator Operator, IReadOnlyList<string> Values);

/// <summary>The operator of a filter. Numbers compare with numbers, and texts with texts by their bytes.</summary>
internal enum FieldOperator
{
    Eq,

    /// <summary>The field has another value, or is missing.</summary>
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,

    /// <summary>The field is a text that begins with the value.</summary>
    Prefix,
    Exists,

    /// <summary>The field is a text that contains the value, or an array that has it as an element.</summary>
    Contains,
}
