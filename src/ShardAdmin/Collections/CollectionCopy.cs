using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Indexes;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Collections;

/// <summary>Copies the definitions of collections, and of their indexes, of the other shards to one shard.</summary>
internal static class CollectionCopy
{
    /// <summary>Definitions that the shard has already stay as they are. A collection that is being deleted is copied as such.</summary>
    public static async Task<int> RunAsync(AdminSession session, IEnumerable<Shard> from, Shard to, CancellationToken cancellation)
    {
        var copied = 0;
        foreach (var shard in from.Where(shard => shard.Id != to.Id))
        {
            var (definitions, indexes) = await Reach.ShardAsync(shard, () => ReadAsync(session.Source(shard), cancellation));
            copied += await Reach.ShardAsync(to, () => WriteAsync(session.Source(to), definitions, indexes, cancellation));
        }
        return copied;
    }

    private static async Task<(IReadOnlyList<Definition> Collections, IReadOnlyList<IndexDefinition> Indexes)> ReadAsync(
        ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        Definition[] collections = [.. await connection.QueryAsync<Definition>(new CommandDefinition(
            "select name as Name, options::text as Options, created_at as CreatedAt, dropped_at as DroppedAt from sharding.collection",
            cancellationToken: cancellation))];
        return (collections, await IndexDefinitions.ReadAsync(connection, cancellation));
    }

    private static async Task<int> WriteAsync(
        ShardDatabase source, IReadOnlyList<Definition> definitions, IReadOnlyList<IndexDefinition> indexes, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var written = await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into sharding.collection (name, options, created_at, dropped_at)
            values (@Name, @Options::jsonb, @CreatedAt, @DroppedAt) on conflict (name) do nothing
            """,
            definitions,
            cancellationToken: cancellation));
        await IndexDefinitions.WriteAsync(connection, indexes, cancellation);
        return written;
    }

    private sealed record Definition(string Name, string Options, DateTime CreatedAt, DateTime? DroppedAt);
}
