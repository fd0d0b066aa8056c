using System.Globalization;
using System.Text;
using Npgsql;
using ShardCore.Ring;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Builds the SQL of a <see cref="PartitionQuery"/>. Every value is a parameter; only operators are text.</summary>
internal sealed class PartitionSql
{
    private const string IsAlive = "(i.expires_at is null or i.expires_at > clock_timestamp())";

    private const string Log = $"(select {LogReading.Sql})";

    private readonly NpgsqlCommand _command;
    private readonly FieldSql _fields;
    private readonly StringBuilder _where = new();

    private readonly string _table;

    private PartitionSql(NpgsqlCommand command, string table) => (_command, _fields, _table) = (command, new FieldSql(command), table);

    /// <summary>Columns: state, peer, epoch, id, version, updated_at, doc, expires_at. An empty page has one row with the first three only.</summary>
    /// <param name="table">The partition of the collection.</param>
    /// <param name="withLog">A further column tells the server's place in its log.</param>
    public static NpgsqlCommand Build(NpgsqlConnection connection, PartitionQuery query, Slot slot, string table, bool withLog = false)
    {
        var sql = new PartitionSql(connection.CreateCommand(), table);
        var slotName = sql._fields.Add((short)slot.Value);
        sql._where.Append(
            CultureInfo.InvariantCulture,
            $"i.slot = {slotName} and i.collection = {CollectionSql.Literal(query.Collection)} "
            + $"and i.pk = {sql._fields.Add(query.PartitionKey)}");
        foreach (var (comparison, id) in query.Bounds)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {comparison} {sql._fields.Add(id)}");
        if (query.After is not null)
            sql._where.Append(CultureInfo.InvariantCulture, $" and i.id {(query.Descending ? "<" : ">")} {sql._fields.Add(query.After)}");
        var order = query.Descending ? "desc" : "asc";
        var items = query.Filters.Count == 0 ? sql.All(order) : sql.Filtered(query, order);

        // Ownership and data are read in one statement, so from one snapshot (0003_create_read_functions.sql). One row more than asked
        // for tells whether there is a next page. A nested loop over one outer row keeps the inner order.
        sql._command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            select o.state, o.peer, o.epoch, i.id, i.version, i.updated_at, i.doc, i.expires_at{(withLog ? ", " + Log : "")}
            from sharding.slot_ownership o
            left join lateral ({items} limit {sql._fields.Add(query.Limit + 1)}) i on o.state in ('owned', 'frozen')
            where o.slot = {slotName}
            """);
        return sql._command;
    }

    private string All(string order) => $"""
        select i.id, i.version, i.updated_at, i.doc, i.expires_at from {_table} i
        where {_where} and {IsAlive}
        order by i.id {order}
        """;

    /// <summary>
    /// Finds items that the filters keep, until the time to search is over. Then comes a row without a document. It has the id of the
    /// last item that was looked at.
    /// </summary>
    /// <remarks>
    /// Each item is looked at once, in order, as the rows are asked for. OFFSET 0 keeps the planner from putting the conditions into the
    /// outer query, where they would be computed once more. An item that comes too late is not looked at: its row has the id of the item
    /// before it. The first item is looked at in any case, so each page goes on by at least one item.
    /// </remarks>
    private string Filtered(PartitionQuery query, string order)
    {
        var conditions = string.Join(" and ", query.Filters.Select(_fields.Condition));
        var limit = _fields.Add(query.ScanLimit);
        return $"""
            select case when i.kept then i.id else i.before end as id, i.version, i.updated_at, case when i.kept then i.doc end as doc, i.expires_at
            from (
                select i.id, i.version, i.updated_at, i.doc, i.expires_at, i.before,
                       case when i.before is null or clock_timestamp() < statement_timestamp() + {limit}
                            then coalesce({IsAlive} and {conditions}, false) end as kept
                from (
                    select i.*, lag(i.id) over (order by i.id {order}) as before from {_table} i
                    where {_where} order by i.id {order}
                ) i
                offset 0
            ) i
            where i.kept is not false
            """;
    }
}
