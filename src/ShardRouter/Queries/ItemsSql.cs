using System.Globalization;
using Npgsql;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Items;
using ShardRouter.Keys;

namespace ShardRouter.Queries;

/// <summary>
/// The parts that the statements of queries have in common. Which slots a shard owns, and their items, are read in one statement, so from
/// one snapshot (migrations/shard/0003_create_read_functions.sql). What it owns comes back with the answer: only for these slots it counts.
/// </summary>
/// <param name="command">It gets the parameters.</param>
/// <param name="table">The partition of the collection, for FROM.</param>
/// <param name="use">The index that the statement is to go by; null: none.</param>
internal sealed class ItemsSql(NpgsqlCommand command, string table, IndexUse? use = null)
{
    public const string IsAlive = "(i.expires_at is null or i.expires_at > clock_timestamp())";

    /// <summary>So few slots are looked up one by one. For more, the whole table is read, which is small.</summary>
    private const int FewSlots = 64;

    private const string AllAsked = "*";

    /// <summary>Somebody may have written a row by hand; <c>shardadmin verify</c> finds it. It is of no slot, and get_bit would refuse it.</summary>
    private const string IsSlot = "i.slot between 0 and 16383";

    /// <summary>Whether an item is of a slot that was asked for and that the shard owns.</summary>
    private string IsMine => _isMine ?? throw new InvalidOperationException("Mine says what is asked for, and comes first.");

    private readonly FieldSql _fields = new(command);

    private string? _isMine;

    /// <summary>Few slots are looked up in the primary key, each by itself.</summary>
    private string _isOfFew = "";

    /// <summary>
    /// For the fields of the index. The names of other fields do not stand in the text of a statement, so not in the logs of Postgres either.
    /// </summary>
    private readonly FieldSql _indexed = new(command, FieldPaths.AreLiterals);

    /// <summary>The slots that the answer is of. <see cref="SlotsOf"/> reads it.</summary>
    public const string SlotsText = $"coalesce(m.slots::text, '{AllAsked}')";

    /// <summary>The first column of each statement: these slots, in the first row.</summary>
    public const string Slots = $"case when row_number() over () = 1 then {SlotsText} end";

    /// <param name="text">The value of <see cref="SlotsText"/> in the first row.</param>
    /// <param name="asked">The slots that the statement was asked for.</param>
    public static SlotSet SlotsOf(string? text, SlotSet asked) => text switch
    {
        AllAsked => asked,
        null => throw new InvalidOperationException("A shard did not tell the slots that its answer is of."),
        _ => SlotSet.Parse(text),
    };

    /// <summary>The partition of the collection, for FROM.</summary>
    public string Table => table;

    /// <summary>
    /// A column: how many items the statement has looked at, however it finds them. Postgres counts that in any case, so nothing has to be
    /// counted here. The counters are of the session, and Postgres takes them away only between statements; <c>mine</c> has what they were
    /// before. They are read once, for the first row of the SELECT that has this column.
    /// </summary>
    public string Scanned => $"{Counters} - m.scanned_before";

    /// <summary>Rows that scans of the table gave, and rows that its indexes led to: a scan of an index counts them there.</summary>
    private string Counters => !CollectionSql.IsTable(table) ? "0::bigint" : $"""
        (select pg_stat_get_xact_tuples_returned({Oid}) + pg_stat_get_xact_tuples_fetched({Oid})
                + coalesce(sum(pg_stat_get_xact_tuples_fetched(x.indexrelid)), 0)::bigint
         from pg_index x where x.indrelid = {Oid})
        """;

    private string Oid => $"{CollectionSql.Literal(table)}::regclass";

    public string Add<T>(T value) => _fields.Add(value);

    /// <summary>Has one row: the slots that are asked for and that this shard owns; NULL: it owns all of them, as it nearly always does.</summary>
    /// <remarks>
    /// To count them takes less time than putting them together. They are sent as bits: in a generic plan, a multirange would be parsed
    /// again for each slot that is compared with it.
    /// </remarks>
    /// <param name="asked">The slots that are asked for.</param>
    /// <param name="counts">The statement has the column <see cref="Scanned"/>.</param>
    public string Mine(SlotSet asked, bool counts = true)
    {
        var (count, isAll) = (asked.Count, asked.Count == Slot.Count);
        var bits = isAll ? "" : Add(asked.ToBits());
        var few = count <= FewSlots ? Add(asked.ToArray()) : null;
        _isOfFew = few is null ? "" : $" and i.slot = any ({few})";
        var isAsked = isAll ? "true"
            : few is not null ? $"o.slot = any ({few})"
            : $"o.slot between {Add((short)asked.First().Value)} and {Add((short)asked.Last().Value)} and get_bit({bits}, o.slot) = 1";
        var from = $"from sharding.slot_ownership o where o.state in ('owned', 'frozen') and {isAsked}";
        // Nearly every item is of such a slot. Without "coalesce" the planner expects one of 200, and then rather sorts all items than
        // read an index in order.
        var isAskedSlot = isAll ? IsSlot : $"case when {IsSlot} then get_bit({bits}, i.slot) = 1 end";
        _isMine = $"coalesce(case when m.slots is null then {isAskedSlot} else i.slot::int4 <@ m.slots end, false)";
        return $"""
            with mine as materialized (
                select case when (select count(*) {from}) <> {Add((long)count)}
                            then (select coalesce(range_agg(int4range(o.slot, o.slot + 1)), '{"{}"}') {from}) end as slots,
                       {(counts ? Counters : "0")} as scanned_before
            )
            """;
    }

    /// <summary>Which items of <c>i</c> are meant, but for expired ones and those that the filter leaves out.</summary>
    public string Range(ItemSelection items) => Here(items) + _isOfFew + Bounds(items);

    /// <summary>Which items of <c>i</c> are of the collection, or of its partition, and of slots that were asked for.</summary>
    public string Here(ItemSelection items)
    {
        var where = $"i.collection = {Add(items.Collection)}";
        return items.PartitionKey is { } pk
            ? $"{where} and i.slot = {Add((short)SlotHash.Of(pk).Value)} and i.pk = {Add(pk)} and {IsMine}"
            : $"{where} and {IsMine}";
    }

    /// <summary>The bounds of the ids, and the partitions that the caller may see, each with "and" before it.</summary>
    public string Bounds(ItemSelection items)
    {
        var bounds = string.Concat(items.Bounds.Select(bound => $" and i.id {bound.Operator} {Add(bound.Id)}"));
        return items.Partitions is { } partitions ? $"{bounds} and {IsAllowed(partitions)}" : bounds;
    }

    /// <summary>Whether the filter keeps an item; it is never NULL.</summary>
    public string Keeps(FilterNode? filter) => filter switch
    {
        null => "true",
        AllOf { Nodes.Count: 0 } => "true",
        AllOf all => "(" + string.Join(" and ", all.Nodes.Select(Keeps)) + ")",
        AnyOf any => "(" + string.Join(" or ", any.Nodes.Select(Keeps)) + ")",
        NotSo not => $"(not {Keeps(not.Node)})",
        FieldIs field => $"coalesce({_fields.Condition(field.Filter)}, false)",
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "There is no such filter."),
    };

    public string Field(string[] path) =>
        (use is not null && use.Index.Fields.Any(field => field.Steps.AsSpan().SequenceEqual(path)) ? _indexed : _fields).Field(path);

    /// <summary>
    /// The place of a value in an order, as three expressions, none of which is ever NULL (<see cref="SortValue"/>). Indexes have the same
    /// ones (migrations/shard/0013_create_indexes.sql).
    /// </summary>
    public (string Rank, string Number, string Text) Place(string[] path)
    {
        var field = Field(path);
        return ($"sharding.value_rank({field})", $"sharding.value_number({field})", $"(sharding.value_text({field}) collate \"C\")");
    }

    /// <summary>A type's place in the order, as a literal.</summary>
    public static string Rank(short rank) => string.Create(CultureInfo.InvariantCulture, $"{rank}::smallint");

    /// <param name="digits">A number of any length.</param>
    public string AddNumber(string digits) => $"({Add(digits)}::text)::numeric";

    /// <summary>The bounds of the index, to be added to other conditions; empty: there is no index.</summary>
    public string IndexBounds() => use is null ? "" : string.Concat(use.Bounds.Select(bound => " and " + Bound(bound)));

    /// <summary>What a filter says of a field, so that an index on it is of use. It holds for every item that the filter keeps.</summary>
    private string Bound(FieldBound bound)
    {
        var (rank, number, text) = Place(bound.Path);
        var isText = bound.Rank == SortValue.String;
        var values = bound.Kind switch
        {
            _ when bound.Rank == SortValue.Rest => $"{number} = 0 and {text} = ''",
            BoundKind.Equal when isText => $"{number} = 0 and {text} = {Add(bound.Values[0])}",
            BoundKind.Equal => $"{number} = {AddNumber(bound.Values[0])} and {text} = ''",
            BoundKind.AnyOf when isText => $"{number} = 0 and {text} = any ({Add(bound.Values.ToArray())})",
            BoundKind.AnyOf => $"{number} = any (({Add(bound.Values.ToArray())}::text[])::numeric[])",
            BoundKind.Prefix => $"{number} = 0 and {text} >= {Add(bound.Values[0])}"
                + (KeyOrder.Successor(bound.Values[0]) is { } end ? $" and {text} < {Add(end)}" : ""),
            _ when isText => $"{number} = 0 and {text} {Comparison(bound)} {Add(bound.Values[0])}",
            _ => $"{number} {Comparison(bound)} {AddNumber(bound.Values[0])}",
        };
        return $"{rank} = {Rank(bound.Rank)} and {values}";
    }

    private static string Comparison(FieldBound bound) => bound.Kind == BoundKind.AtLeast ? ">=" : "<=";

    private string IsAllowed(IReadOnlyList<PartitionPattern> partitions) => partitions.Count == 0
        ? "false"
        : "(" + string.Join(" or ", partitions.Select(IsOf)) + ")";

    private string IsOf(PartitionPattern pattern) =>
        pattern.IsExact ? $"i.pk = {Add(pattern.Start)}" : $"starts_with(i.pk, {Add(pattern.Start)})";
}
