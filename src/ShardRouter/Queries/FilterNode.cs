using ShardRouter.Items;

namespace ShardRouter.Queries;

/// <summary>A condition on a document. Each is true or false, never unknown: what is not there fulfils no comparison.</summary>
internal abstract record FilterNode;

/// <summary>All of them hold.</summary>
internal sealed record AllOf(IReadOnlyList<FilterNode> Nodes) : FilterNode;

/// <summary>At least one of them holds.</summary>
internal sealed record AnyOf(IReadOnlyList<FilterNode> Nodes) : FilterNode;

/// <summary>It does not hold.</summary>
internal sealed record NotSo(FilterNode Node) : FilterNode;

/// <summary>A field fulfils a comparison.</summary>
internal sealed record FieldIs(FieldFilter Filter) : FilterNode;
