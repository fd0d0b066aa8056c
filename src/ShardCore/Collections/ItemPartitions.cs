using Npgsql;
using ShardCore.Sessions;

namespace ShardCore.Collections;

/// <summary>The partitions of <c>sharding.item</c> in one shard, one for each collection.</summary>
/// <remarks>
/// A statement on <c>sharding.item</c> locks every partition and its indexes. With hundreds of collections, a few of those fill Postgres'
/// lock table. So whoever reads all items reads them by groups of partitions.
/// </remarks>
public static class ItemPartitions
{
    private const int MostInGroup = 32;

    /// <summary>A larger partition is a group of its own.</summary>
    private const long LargeBytes = 16 * 1024 * 1024;

    private const string Sql = """
        select c.relname::text, pg_relation_size(c.oid), c.relfilenode = pg_relation_filenode(c.oid)
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'sharding.item'::regclass order by c.relname collate "C"
        """;

    /// <summary>The size of all partitions with their indexes, as an expression of SQL.</summary>
    public const string TotalBytes =
        "(select coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint from pg_inherits where inhparent = 'sharding.item'::regclass)";

    /// <summary>The size of all partitions without their indexes, as an expression of SQL.</summary>
    public const string TableBytes =
        "(select coalesce(sum(pg_relation_size(inhrelid)), 0)::bigint from pg_inherits where inhparent = 'sharding.item'::regclass)";

    /// <summary>The rows of all partitions as their statistics say, as an expression of SQL; null: there are no statistics yet.</summary>
    public const string EstimatedRows = """
        (select sum(nullif(c.reltuples, -1))::bigint from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'sharding.item'::regclass)
        """;

    /// <summary>The table's name in SQL: that of the collection, in the schema of the items.</summary>
    public static string NameOf(string collection) => $"sharding_items.\"{collection.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The collection as a literal of SQL.</summary>
    public static string Literal(string collection) => $"'{collection.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Reads the partitions as the transaction of the connection sees them.</summary>
    public static async Task<IReadOnlyList<ItemPartition>> ListAsync(NpgsqlConnection shard, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, shard);
        return await command.ReadAllAsync(
            row => new ItemPartition(row.GetString(0), row.IsDBNull(1) ? 0 : row.GetInt64(1), !row.IsDBNull(2) && row.GetBoolean(2)),
            cancellation);
    }

    /// <summary>Divides all partitions into groups, in the order of their names.</summary>
    public static IReadOnlyList<ItemPartitionGroup> Groups(IEnumerable<ItemPartition> partitions)
    {
        var groups = new List<ItemPartitionGroup>();
        var small = new List<string>();
        foreach (var partition in partitions)
        {
            if (partition.Bytes > LargeBytes)
                groups.Add(new ItemPartitionGroup([partition.Collection]));
            else
                small.Add(partition.Collection);
        }
        groups.AddRange(small.Chunk(MostInGroup).Select(some => new ItemPartitionGroup(some)));
        return groups;
    }

    /// <summary>Reads the partitions, and divides them.</summary>
    public static async Task<IReadOnlyList<ItemPartitionGroup>> GroupsAsync(NpgsqlConnection shard, CancellationToken cancellation) =>
        Groups(await ListAsync(shard, cancellation));
}

/// <summary>A partition as a transaction sees it.</summary>
/// <param name="Bytes">Its size now, without indexes.</param>
/// <param name="IsAsSeen">False: it was rewritten or dropped since the snapshot of the transaction.</param>
public sealed record ItemPartition(string Collection, long Bytes, bool IsAsSeen);

/// <summary>Partitions that one statement reads.</summary>
public sealed record ItemPartitionGroup(IReadOnlyList<string> Collections)
{
    /// <summary>The tables, separated by commas.</summary>
    public string Tables => string.Join(", ", Collections.Select(ItemPartitions.NameOf));

    /// <summary>All rows, for FROM. An alias must follow.</summary>
    public string Rows => Collections is [var only]
        ? ItemPartitions.NameOf(only)
        : $"({string.Join(" union all ", Collections.Select(each => $"select * from {ItemPartitions.NameOf(each)}"))})";

    /// <summary>The names as a list of literals, for IN.</summary>
    public string Names => string.Join(", ", Collections.Select(ItemPartitions.Literal));

    /// <summary>The table into which COPY brings rows of the group.</summary>
    public string Into => Collections is [var only] ? ItemPartitions.NameOf(only) : "sharding.item";
}
