using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Ring;

namespace ShardRouter.Items;

/// <summary>A <see cref="PartitionQuery"/> as SQL. Every value is a parameter; only operators are text.</summary>
internal sealed class PartitionSql
{
    private readonly NpgsqlCommand _command;
    private readonly StringBuilder _where = new();

    private PartitionSql(NpgsqlCommand command) => _command = command;

    /// <summary>Columns: state, peer, epoch, id, version, updated_at, doc. One row of the first three if the page is empty.</summary>
    public static NpgsqlCommand Build(NpgsqlConnection connection, PartitionQuery query, Slot slot)
    {
        var sql = new PartitionSql(connection.CreateCommand());
        var slotName = sql.Add((short)slot.Value);
        sql._where.Append(CultureInfo.InvariantCulture, $"i.slot = {slotName} and i.collection = {sql.Add(query.Collection)} and i.pk = {sql.Add(query.PartitionKey)}");
        foreach (var (comparison, id) in query.Bounds)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {comparison} {sql.Add(id)}");
        if (query.After is not null)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {(query.Descending ? "<" : ">")} {sql.Add(query.After)}");
        foreach (var filter in query.Filters)
            sql._where.Append(" and ").Append(sql.Condition(filter));

        // Ownership and data in one statement, so of one snapshot (0003_create_read_functions.sql). One row more than
        // asked for tells whether there is a next page. A nested loop over one outer row keeps the inner order.
        sql._command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            select o.state, o.peer, o.epoch, i.id, i.version, i.updated_at, i.doc
            from sharding.slot_ownership o
            left join lateral (
                select i.id, i.version, i.updated_at, i.doc from sharding.item i
                where {sql._where} and (i.expires_at is null or i.expires_at > clock_timestamp())
                order by i.id {(query.Descending ? "desc" : "asc")} limit {sql.Add(query.Limit + 1)}
            ) i on o.state in ('owned', 'frozen')
            where o.slot = {slotName}
            """);
        return sql._command;
    }

    private string Condition(FieldFilter filter)
    {
        var path = Add(filter.Path);
        var field = $"(i.doc #> {path})";
        var text = $"(i.doc #>> {path})";
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
