using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Documents;

namespace ShardRouter.Items;

/// <summary>A <see cref="PartitionQuery"/> as SQL. Every value is a parameter; only operators are text.</summary>
internal sealed class PartitionSql
{
    private const string IsAlive = "(i.expires_at is null or i.expires_at > clock_timestamp())";

    private const string Log = $"(select {LogReading.Sql})";

    private readonly NpgsqlCommand _command;
    private readonly StringBuilder _where = new();

    private PartitionSql(NpgsqlCommand command) => _command = command;

    /// <summary>Columns: state, peer, epoch, id, version, updated_at, doc. One row of the first three if the page is empty.</summary>
    /// <param name="withLog">A further column says where the server is in its log.</param>
    public static NpgsqlCommand Build(NpgsqlConnection connection, PartitionQuery query, Slot slot, bool withLog = false)
    {
        var sql = new PartitionSql(connection.CreateCommand());
        var slotName = sql.Add((short)slot.Value);
        sql._where.Append(CultureInfo.InvariantCulture, $"i.slot = {slotName} and i.collection = {sql.Add(query.Collection)} and i.pk = {sql.Add(query.PartitionKey)}");
        foreach (var (comparison, id) in query.Bounds)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {comparison} {sql.Add(id)}");
        if (query.After is not null)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {(query.Descending ? "<" : ">")} {sql.Add(query.After)}");
        var order = query.Descending ? "desc" : "asc";
        var items = query.Filters.Count == 0 ? sql.All(order) : sql.Filtered(query, order);

        // Ownership and data in one statement, so of one snapshot (0003_create_read_functions.sql). One row more than
        // asked for tells whether there is a next page. A nested loop over one outer row keeps the inner order.
        sql._command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            select o.state, o.peer, o.epoch, i.id, i.version, i.updated_at, i.doc{(withLog ? ", " + Log : "")}
            from sharding.slot_ownership o
            left join lateral ({items} limit {sql.Add(query.Limit + 1)}) i on o.state in ('owned', 'frozen')
            where o.slot = {slotName}
            """);
        return sql._command;
    }

    private string All(string order) => $"""
        select i.id, i.version, i.updated_at, i.doc from sharding.item i
        where {_where} and {IsAlive}
        order by i.id {order}
        """;

    /// <summary>
    /// Items that the filters keep, until the time to search is over. Then comes a row without a document: the id of the last item that was
    /// looked at.
    /// </summary>
    /// <remarks>
    /// Each item is looked at once, in order, as the rows are asked for: OFFSET 0 keeps the planner from putting the conditions into the
    /// outer query, where they would be computed once more. An item that comes too late is not looked at; its row has the id of the item
    /// before it. The first item is looked at in any case, so each page goes on at least by one.
    /// </remarks>
    private string Filtered(PartitionQuery query, string order)
    {
        var conditions = string.Join(" and ", query.Filters.Select(Condition));
        var limit = Add(query.ScanLimit);
        return $"""
            select case when i.kept then i.id else i.before end as id, i.version, i.updated_at, case when i.kept then i.doc end as doc
            from (
                select i.id, i.version, i.updated_at, i.doc, i.before,
                       case when i.before is null or clock_timestamp() < statement_timestamp() + {limit}
                            then coalesce({IsAlive} and {conditions}, false) end as kept
                from (
                    select i.*, lag(i.id) over (order by i.id {order}) as before from sharding.item i
                    where {_where} order by i.id {order}
                ) i
                offset 0
            ) i
            where i.kept is not false
            """;
    }

    private string Condition(FieldFilter filter)
    {
        var field = Field(filter.Path);
        var text = $"({field} #>> '{{}}')";
        return filter.Operator switch
        {
            FieldOperator.Eq => $"{field} = {AddJson(filter.Values[0])}",
            FieldOperator.Ne => $"{field} is distinct from {AddJson(filter.Values[0])}",
            FieldOperator.In => $"{field} = any ({AddJsonArray(filter.Values)})",
            FieldOperator.Exists => filter.Values[0] == "true" ? $"{field} is not null" : $"{field} is null",
            FieldOperator.Prefix => $"(jsonb_typeof({field}) = 'string' and starts_with({text}, {Add(TextOf(filter.Values[0]))}))",
            FieldOperator.Contains => $"case jsonb_typeof({field}) when 'array' then {field} @> jsonb_build_array({AddJson(filter.Values[0])})"
                + (IsText(filter.Values[0]) ? $" when 'string' then strpos({text}, {Add(TextOf(filter.Values[0]))}) > 0" : "") + " else false end",
            _ => Comparison(filter, field, text),
        };
    }

    /// <summary>
    /// What stands at the path. Postgres' <c>#></c> would take '-1' and '01' for places in an array, which only <c>0</c>, <c>1</c> … name
    /// here. Such a step, and for simplicity any other name that ends with a digit, goes by <c>-></c>, which looks into objects only.
    /// </summary>
    private string Field(string[] path)
    {
        var field = "i.doc";
        for (var from = 0; from < path.Length;)
        {
            var to = from;
            while (to < path.Length && (FieldPath.IsIndex(path[to], out _) || path[to].Length == 0 || !char.IsAsciiDigit(path[to][^1])))
                to++;
            if (to > from)
                field = $"({field} #> {Add(path[from..to])})";
            if (to < path.Length)
                field = $"({field} -> {Add(path[to++])})";
            from = to;
        }
        return field;
    }

    private string Comparison(FieldFilter filter, string field, string text)
    {
        var comparison = filter.Operator switch
        {
            FieldOperator.Gt => ">",
            FieldOperator.Gte => ">=",
            FieldOperator.Lt => "<",
            _ => "<=",
        };
        return IsText(filter.Values[0])
            ? $"(jsonb_typeof({field}) = 'string' and {text} collate \"C\" {comparison} {Add(TextOf(filter.Values[0]))})"
            : $"(jsonb_typeof({field}) = 'number' and {field} {comparison} {AddJson(filter.Values[0])})";
    }

    private static bool IsText(string json) => json[0] == '"';

    private static string TextOf(string json)
    {
        using var value = JsonDocument.Parse(json);
        return value.RootElement.GetString()!;
    }

    private string Add<T>(T value)
    {
        _command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
        return Last;
    }

    private string AddJson(string json)
    {
        _command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = json, NpgsqlDbType = NpgsqlDbType.Jsonb });
        return Last;
    }

    private string AddJsonArray(IReadOnlyList<string> values)
    {
        _command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. values], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb });
        return Last;
    }

    private string Last => string.Create(CultureInfo.InvariantCulture, $"${_command.Parameters.Count}");
}
