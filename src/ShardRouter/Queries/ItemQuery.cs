using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Documents;

namespace ShardRouter.Queries;

/// <summary>Which items of a collection are meant.</summary>
/// <param name="PartitionKey">Null: those of all partitions.</param>
/// <param name="Bounds">Conditions on the id: operator (&gt;, &gt;=, &lt;, &lt;=) and value. All must hold.</param>
/// <param name="Filter">Null: no condition.</param>
/// <param name="Partitions">What the caller may see; null: everything.</param>
internal sealed record ItemSelection(
    string Collection, string? PartitionKey, IReadOnlyList<(string Operator, string Id)> Bounds, FilterNode? Filter,
    IReadOnlyList<PartitionPattern>? Partitions)
{
    /// <summary>The caller may see certain partitions only, and each of them is named.</summary>
    public bool IsOfNamedPartitions => Partitions is { } partitions && partitions.All(each => each.IsExact);

    /// <summary>Those of the slots that may have such items.</summary>
    public SlotSet Among(SlotSet slots) => IsOfNamedPartitions
        ? slots.And(Partitions!.Aggregate(SlotSet.None, (all, each) => all.Or(SlotSet.Of(SlotHash.Of(each.Start)))))
        : slots;
}

/// <summary>A field by which items are put in order.</summary>
internal sealed record SortField(string[] Path, bool Descending);

/// <summary>A page of items of one or of all partitions.</summary>
/// <param name="Order">Then by pk and id. Empty: in the order in which shards keep items, which is by slot, pk and id.</param>
/// <param name="After">The key of the last item of the page before.</param>
/// <param name="ScanLimit">
/// How long a shard searches, in the order of its items or of an index, before it answers with what it has found.
/// </param>
/// <param name="Index">The index that serves the query; null: none does.</param>
internal sealed record ItemQuery(
    ItemSelection Items, IReadOnlyList<SortField> Order, FieldSelection? Select, int Limit, SortKey? After, TimeSpan ScanLimit,
    CountKind Count, IndexUse? Index = null)
{
    public const int MostSortFields = 3;

    public bool IsInOrder => Order.Count > 0;

    /// <summary>It reads items by slot, pk and id, and shows all that it reads.</summary>
    public bool IsScan => !IsInOrder && Items.Filter is null;

    /// <summary>Of a scan: with how many slots at once the page begins; 0: that is not known. A hint, which changes no answer.</summary>
    public int SlotsAtOnce { get; init; }
}

/// <summary>Whether and how the items of a query are counted.</summary>
internal enum CountKind
{
    None,

    /// <summary>From the statistics of the shards, without reading items.</summary>
    Estimated,

    Exact,
}

/// <summary>Numbers that are computed over items, for each group of them.</summary>
/// <param name="Index">The index that serves the filter; null: none does.</param>
internal sealed record AggregateQuery(
    ItemSelection Items, IReadOnlyList<GroupField> GroupBy, IReadOnlyList<Aggregate> Aggregates, IReadOnlyList<GroupOrder> Order, int Limit,
    IndexUse? Index = null)
{
    public const int MostGroupFields = 3;
    public const int MostAggregates = 20;
    public const int MostGroups = 10_000;
}

/// <summary>A field whose values make the groups.</summary>
/// <param name="Text">The path as the caller wrote it, which names it in the answer.</param>
internal sealed record GroupField(string Text, string[] Path);

/// <param name="Path">Null: of the item itself, for <see cref="AggregateKind.Count"/>.</param>
/// <param name="Name">Of the result.</param>
internal sealed record Aggregate(AggregateKind Kind, string[]? Path, string Name);

internal enum AggregateKind
{
    Count,
    Sum,
    Min,
    Max,
    Avg,
}

/// <param name="Name">Of a group field or of an aggregate.</param>
internal sealed record GroupOrder(string Name, bool Descending);
