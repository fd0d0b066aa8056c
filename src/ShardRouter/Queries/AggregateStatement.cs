using System.Globalization;
using Npgsql;
using ShardRouter.Items;
using ShardRouter.Payload;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;
using ShardRouter.Shards;

namespace ShardRouter.Queries;

/// <summary>Asks one shard for the groups of its items, and what it computes of each.</summary>
internal static class AggregateStatement
{
    private const int GroupBytes = 256; // of one group in memory, beside its texts

    /// <param name="call">The session.</param>
    /// <param name="query">What is to be computed.</param>
    /// <param name="asked">The slots that this shard should answer for.</param>
    /// <param name="share">The request's.</param>
    /// <param name="meter">The request's.</param>
    /// <exception cref="ProblemException">too-many-groups, overloaded.</exception>
    public static Task<Covered<IReadOnlyList<GroupPart>>> ExecuteAsync(
        ShardCall call, AggregateQuery query, SlotSet asked, PayloadShare share, QueryMeter meter) =>
        CollectionSql.ReadAsync(call.Session, query.Items.Collection, table => ExecuteAsync(call, table, query, asked, share, meter));

    private static async Task<Covered<IReadOnlyList<GroupPart>>> ExecuteAsync(
        ShardCall call, string table, AggregateQuery query, SlotSet asked, PayloadShare share, QueryMeter meter)
    {
        await using var command = call.Connection.CreateCommand();
        command.CommandText = Build(new ItemsSql(command, table, query.Index), query, asked);
        await call.Session.Queries.PrepareAsync(command);
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        var (slots, groups, scanned) = ((string?)null, new List<GroupPart>(), new ScannedItems(meter));
        while (await reader.ReadAsync(CancellationToken.None))
        {
            scanned.Are(reader.GetInt64(reader.FieldCount - 1), groups.Count);
            slots ??= reader.IsDBNull(0) ? null : reader.GetString(0);
            if (reader.IsDBNull(1) || (query.GroupBy.Count > 0 && reader.GetInt64(1) == 0))
                continue; // the shard has no item; the row only tells its slots
            var group = GroupAt(reader, query);
            if (groups.Count == AggregateQuery.MostGroups || !share.TryTake(GroupBytes + BytesOf(reader)))
            {
                await call.EndStatementAsync();
                await reader.DisposeEndedAsync();
                throw new ProblemException(
                    groups.Count == AggregateQuery.MostGroups
                        ? Problems.TooManyGroups(AggregateQuery.MostGroups)
                        : Problems.RouterOverloaded());
            }
            groups.Add(group);
        }
        return new Covered<IReadOnlyList<GroupPart>>(ItemsSql.SlotsOf(slots, asked), groups);
    }

    private static string Build(ItemsSql sql, AggregateQuery query, SlotSet asked)
    {
        var mine = sql.Mine(asked);
        var keys = query.GroupBy.Select((field, i) => Numbered($"{KeyOf(sql.Field(field.Path))} as key", i));
        var values = query.Aggregates.Select((aggregate, i) =>
            Numbered($"{(aggregate.Path is { } path ? sql.Field(path) : "null::jsonb")} as value", i));
        var columns = query.Aggregates.SelectMany((aggregate, i) => Partial(aggregate, Numbered("i.value", i)));
        var names = Enumerable.Range(0, query.GroupBy.Count).Select(i => Numbered("i.key", i)).ToArray();
        var group = names.Length == 0 ? "" : $"group by {string.Join(", ", names)} limit {sql.Add(AggregateQuery.MostGroups + 1)}";
        return $"""
            {mine}
            select {ItemsSql.Slots}, a.*, {sql.Scanned}
            from mine m left join lateral (
                select {string.Join(", ", names.Prepend("count(*)").Concat(columns))}
                from (
                    select {string.Join(", ", keys.Concat(values))} from {sql.Table} i
                    where {sql.Range(query.Items)}{sql.IndexBounds()} and {ItemsSql.IsAlive} and {sql.Keeps(query.Items.Filter)}
                ) i
                {group}
            ) a on true
            """;
    }

    /// <summary>
    /// The group of a value, as JSON: numbers that are equal have one text, whatever their spelling. What is missing, an array and an
    /// object are as null.
    /// </summary>
    private static string KeyOf(string value) => $$"""
        case jsonb_typeof({{value}}) when 'number' then trim_scale(({{value}} #>> '{}')::numeric)::text
            when 'string' then ({{value}})::text when 'boolean' then ({{value}})::text else 'null' end
        """;

    /// <summary>Three columns: a number, a text, and a whole number. What they are, <see cref="GroupValue"/> says.</summary>
    private static string[] Partial(Aggregate aggregate, string value)
    {
        var number = $"case jsonb_typeof({value}) when 'number' then ({value} #>> '{{}}')::numeric end";
        var text = $"(case jsonb_typeof({value}) when 'string' then {value} #>> '{{}}' end) collate \"C\"";
        var truth = $"case {value} when 'true'::jsonb then 1 when 'false'::jsonb then 0 end";
        return aggregate.Kind switch
        {
            AggregateKind.Count when aggregate.Path is null => ["null", "null", "count(*)"],
            AggregateKind.Count => ["null", "null", $"count(*) filter (where jsonb_typeof({value}) <> 'null')"],
            AggregateKind.Sum or AggregateKind.Avg => [$"sum({number})::text", "null", $"count({number})"],
            AggregateKind.Min => [$"min({number})::text", $"min({text})", $"min({truth})::int8"],
            _ => [$"max({number})::text", $"max({text})", $"max({truth})::int8"],
        };
    }

    private static GroupPart GroupAt(NpgsqlDataReader reader, AggregateQuery query)
    {
        var key = new string[query.GroupBy.Count];
        for (var i = 0; i < key.Length; i++)
            key[i] = reader.GetString(2 + i);
        var values = new GroupValue[query.Aggregates.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var at = 2 + key.Length + (3 * i);
            values[i] = new GroupValue(
                reader.IsDBNull(at) ? null : DecimalNumber.Parse(reader.GetString(at)),
                reader.IsDBNull(at + 1) ? null : reader.GetString(at + 1),
                reader.IsDBNull(at + 2) ? null : reader.GetInt64(at + 2));
        }
        return new GroupPart(key, values);
    }

    /// <summary>The texts of the row: keys, numbers, and the least or greatest texts.</summary>
    private static long BytesOf(NpgsqlDataReader reader)
    {
        var bytes = 0L;
        for (var i = 2; i < reader.FieldCount - 1; i++)
            if (reader.GetFieldType(i) == typeof(string) && !reader.IsDBNull(i))
                bytes += 2L * reader.GetString(i).Length;
        return bytes;
    }

    private static string Numbered(string name, int number) => string.Create(CultureInfo.InvariantCulture, $"{name}{number}");
}

/// <param name="Key">The values of the group's fields, as JSON.</param>
internal sealed record GroupPart(string[] Key, GroupValue[] Values);

/// <summary>What one shard, or several together, know of an aggregate.</summary>
/// <param name="Number">The sum, or the least or greatest number.</param>
/// <param name="Text">The least or greatest text, by its bytes.</param>
/// <param name="Count">How many there are; of least and greatest: false (0) or true (1).</param>
internal readonly record struct GroupValue(DecimalNumber? Number, string? Text, long? Count);
