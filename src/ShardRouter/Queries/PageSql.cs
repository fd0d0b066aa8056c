using System.Globalization;
using System.Text;

namespace ShardRouter.Queries;

/// <summary>Writes the statement that gives one shard's part of a page, in order.</summary>
/// <remarks>
/// Its columns: the slots that the answer is of; slot, pk, id, version, updated_at, expires_at, doc; whether the search ended with this
/// row; then rank, number and text of each field of the order; and how many items were looked at so far. A row whose doc is NULL is only
/// the place where the search ended. The last row has no item: it tells how many were looked at, also behind the last that was kept.
/// </remarks>
internal sealed class PageSql(ItemsSql sql, ItemQuery query)
{
    private const string Columns = "i.slot, i.pk, i.id, i.version, i.updated_at, i.expires_at";

    private const string ScanOrder = "i.slot, i.pk, i.id";

    /// <summary>
    /// As literals: a plan that is made for any number of rows takes them for many, and then sorts instead of reading an index in order.
    /// </summary>
    private readonly string _limit = $"limit {(query.Limit + 1).ToString(CultureInfo.InvariantCulture)}";

    private readonly (string Rank, string Number, string Text)[] _places = [.. query.Order.Select(field => sql.Place(field.Path))];

    /// <param name="asked">The slots that this shard should answer for.</param>
    public string Build(SlotSet asked)
    {
        var mine = sql.Mine(asked);
        var items = query.Index is not null ? Walk() : query.IsInOrder ? Sorted() : Scan(asked);
        var places = string.Concat(Names().Select(name => $", i.{name}_rank, i.{name}_number::text, i.{name}_text"));
        var nulls = string.Concat(Enumerable.Repeat("null, ", 9 + (3 * query.Order.Count)));
        return $"""
            {mine}
            select {ItemsSql.Slots}, {Columns}, i.doc, i.is_last{places}, {sql.Scanned}
            from mine m left join lateral ({items} {_limit}) i on true
            union all
            select {nulls}{sql.Scanned} from mine m
            """;
    }

    /// <summary>All items that fulfil the conditions are looked at, and the first ones of them are kept.</summary>
    private string Sorted() => $"""
        select i.* from (
            select {Columns}, i.doc, false as is_last{PlaceColumns()} from {sql.Table} i
            where {sql.Range(query.Items)} and {ItemsSql.IsAlive} and {sql.Keeps(query.Items.Filter)}
        ) i
        where {(query.After is { } after ? IsBehind(after) : "true")}
        order by {OrderBy([.. Names().Select(name => ($"i.{name}_rank", $"i.{name}_number", $"i.{name}_text"))])}
        """;

    /// <summary>
    /// In the order of the primary key. The bounds of the slots let the index begin and end there; a shard may have many more slots than it
    /// is asked for.
    /// </summary>
    private string Scan(SlotSet asked)
    {
        var (first, last) = (sql.Add((short)asked.First().Value), sql.Add((short)asked.Last().Value));
        var where = $"{sql.Here(query.Items)} and i.slot between {first} and {last}{ScanAfter()}";
        return query.Items.PartitionKey is not null && query.Items.Filter is null
            ? All(where + sql.Bounds(query.Items), ScanOrder) // the bounds are a range of the primary key
            : Search(where, ScanOrder);
    }

    /// <summary>
    /// In the order of an index: ranges of it, each of which begins where the one before ends. So a page begins where the last one ended,
    /// and costs what it shows, however the directions of the fields are mixed.
    /// </summary>
    private string Walk()
    {
        var order = OrderBy(_places);
        var where = sql.Here(query.Items) + sql.IndexBounds();
        var ranges = Ranges().Select(range => $"({(query.Index!.IsExact ? All(where + range, order) : Search(where + range, order))} {_limit})");
        return $"select i.* from ({string.Join(" union all ", ranges)}) i";
    }

    /// <summary>Nearly every item that is looked at is wanted.</summary>
    private string All(string where, string order) => $"""
        select {Columns}, i.doc, false as is_last{PlaceColumns()} from {sql.Table} i
        where {where} and {ItemsSql.IsAlive} and {sql.Keeps(query.Items.Filter)} order by {order}
        """;

    /// <summary>
    /// Looks at items in an order, one after the other, and keeps those that are wanted. As it may look at many in vain, it ends when its
    /// time is over. It then says so in the row that it looked at last, which may be one that the caller must not see: only the cursor has
    /// its key, and is encrypted. What comes behind is not looked at any more; it only fills the limit, so that Postgres ends.
    /// </summary>
    private string Search(string where, string order)
    {
        var wanted = $"{ItemsSql.IsAlive}{sql.Bounds(query.Items)} and {sql.Keeps(query.Items.Filter)}";
        var places = string.Concat(Names().Select(name => $", i.{name}_rank, i.{name}_number, i.{name}_text"));
        return $"""
            select {Columns}, case when i.is_wanted then i.doc end as doc, i.is_over as is_last{places}
            from (
                select i.*, case when not i.is_behind then {wanted} end as is_wanted
                from (
                    select i.*, lag(i.is_over, 1, false) over () as is_behind
                    from (
                        select {Columns}, i.doc, clock_timestamp() >= statement_timestamp() + {sql.Add(query.ScanLimit)} as is_over{PlaceColumns()}
                        from {sql.Table} i where {where} order by {order}
                    ) i
                ) i
                offset 0
            ) i
            where i.is_wanted or i.is_over
            """;
    }

    /// <summary>The first condition lets the index begin there; the second one leaves out what is before it in that slot.</summary>
    private string ScanAfter()
    {
        if (query.After is not { } after)
            return "";
        var slot = sql.Add(after.Slot);
        return $" and i.slot >= {slot} and (i.slot, i.pk, i.id) > ({slot}, {sql.Add(after.PartitionKey)}, {sql.Add(after.Id)})";
    }

    /// <summary>The items behind a key, where some columns go up and others down.</summary>
    private string IsBehind(SortKey after)
    {
        var columns = new List<(string Name, string Comparison, string Value)>();
        foreach (var (field, name, value) in query.Order.Zip(Names(), after.Values))
        {
            columns.Add(($"i.{name}_rank", ">", ItemsSql.Rank(value.Rank)));
            if (value.Rank is SortValue.Number or SortValue.Boolean)
                columns.Add(($"i.{name}_number", Comparison(field), NumberSql(value)));
            else if (value.Rank == SortValue.String)
                columns.Add(($"i.{name}_text", Comparison(field), TextSql(value)));
        }
        columns.Add(("i.pk", ">", sql.Add(after.PartitionKey)));
        columns.Add(("i.id", ">", sql.Add(after.Id)));
        var condition = new StringBuilder();
        foreach (var (name, comparison, value) in columns)
            condition.Append(CultureInfo.InvariantCulture, $"({name} {comparison} {value} or ({name} = {value} and ");
        return condition.Append("false").Append(')', 2 * columns.Count).ToString();
    }

    /// <summary>The ranges of the index that are left behind a key, in the query's order; all of it if there is no key.</summary>
    private IEnumerable<string> Ranges()
    {
        if (query.After is not { } after)
        {
            foreach (var range in RanksFrom(0, FirstFree()))
                yield return range;
            yield break;
        }
        if (query.Order.All(field => !field.Descending && !IndexField(field).Descending))
        {
            yield return Behind(after);
            yield break;
        }
        var equal = new string[query.Order.Count + 1]; // by field: those before it have the key's values
        equal[0] = "";
        for (var i = 0; i < query.Order.Count; i++)
        {
            var value = after.Values[i];
            equal[i + 1] = $"{equal[i]} and {_places[i].Rank} = {ItemsSql.Rank(value.Rank)} and {_places[i].Number} = {NumberSql(value)} "
                + $"and {_places[i].Text} = {TextSql(value)}";
        }
        yield return $"{equal[^1]} and (i.pk, i.id) > ({sql.Add(after.PartitionKey)}, {sql.Add(after.Id)})";
        for (var i = query.Order.Count - 1; i >= 0; i--)
        {
            if (IsFixed(i))
                continue;
            var (value, comparison) = (after.Values[i], Comparison(query.Order[i]));
            var same = $"{equal[i]} and {_places[i].Rank} = {ItemsSql.Rank(value.Rank)}";
            if (value.Rank is SortValue.Number or SortValue.Boolean)
                yield return $"{same} and {_places[i].Number} {comparison} {NumberSql(value)}";
            else if (value.Rank == SortValue.String)
                yield return $"{same} and {_places[i].Number} = 0 and {_places[i].Text} {comparison} {TextSql(value)}";
            foreach (var range in RanksFrom((short)(value.Rank + 1), i))
                yield return equal[i] + range;
        }
    }

    /// <summary>All items behind a key, where every column goes up: they are one range, and one comparison of rows says so.</summary>
    private string Behind(SortKey after)
    {
        var columns = _places.SelectMany(place => new[] { place.Rank, place.Number, place.Text });
        var values = after.Values.SelectMany(value => new[] { ItemsSql.Rank(value.Rank), NumberSql(value), TextSql(value) });
        return $" and ({string.Join(", ", columns)}, i.pk, i.id) > ({string.Join(", ", values)}, {sql.Add(after.PartitionKey)}, {sql.Add(after.Id)})";
    }

    /// <summary>
    /// What has at least this type, in the order of types. An index that is read backwards gives the types the other way round, so then
    /// each type is a range of its own.
    /// </summary>
    private IEnumerable<string> RanksFrom(short rank, int field)
    {
        if (field == query.Order.Count || query.Index!.Bounds.Any(bound => IsOf(bound, field)))
            return rank == 0 ? [""] : []; // it has only one type, or one value
        var isBackwards = IndexField(query.Order[field]).Descending != query.Order[field].Descending;
        if (!isBackwards)
            return rank == 0 ? [""] : rank > SortValue.Rest ? [] : [$" and {_places[field].Rank} >= {ItemsSql.Rank(rank)}"];
        return Enumerable.Range(rank, SortValue.Rest + 1 - rank).Select(each => $" and {_places[field].Rank} = {ItemsSql.Rank((short)each)}");
    }

    private ShardCore.Indexes.IndexField IndexField(SortField field) =>
        query.Index!.Index.Fields.First(each => each.Steps.AsSpan().SequenceEqual(field.Path));

    private int FirstFree() => Enumerable.Range(0, query.Order.Count).FirstOrDefault(i => !IsFixed(i), query.Order.Count);

    private bool IsFixed(int field) => query.Index!.Bounds.Any(bound => bound.Kind == BoundKind.Equal && IsOf(bound, field));

    private bool IsOf(FieldBound bound, int field) => bound.Path.AsSpan().SequenceEqual(query.Order[field].Path);

    private string OrderBy((string Rank, string Number, string Text)[] places) => string.Concat(query.Order.Zip(places, (field, place) =>
    {
        var direction = field.Descending ? "desc" : "asc";
        return $"{place.Rank}, {place.Number} {direction}, {place.Text} {direction}, ";
    })) + "i.pk, i.id";

    private string PlaceColumns() => string.Concat(Names().Zip(_places, (name, place) =>
        $", {place.Rank} as {name}_rank, {place.Number} as {name}_number, {place.Text} as {name}_text"));

    private IEnumerable<string> Names() => query.Order.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"order{i}"));

    private static string Comparison(SortField field) => field.Descending ? "<" : ">";

    private string NumberSql(SortValue value) => value.Rank is SortValue.Number or SortValue.Boolean ? sql.AddNumber(value.Text) : "0";

    private string TextSql(SortValue value) => value.Rank == SortValue.String ? sql.Add(value.Text) : "''";
}
