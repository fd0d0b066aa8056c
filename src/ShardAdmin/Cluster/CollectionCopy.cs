using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Brings the collection definitions of the other shards to one shard.</summary>
internal static class CollectionCopy
{
    /// <summary>Definitions that are already there stay as they are; one being deleted arrives as being deleted.</summary>
    public static async Task<int> RunAsync(AdminSession session, IEnumerable<Shard> from, Shard to, CancellationToken cancellation)
    {
        var copied = 0;
        foreach (var shard in from.Where(shard => shard.Id != to.Id))
        {
            var definitions = await Reach.ShardAsync(shard, () => ReadAsync(session.Source(shard), cancellation));
            copied += await Reach.ShardAsync(to, () => WriteAsync(session.Source(to), definitions, cancellation));
        }
        return copied;
    }

    private static async Task<IReadOnlyList<Definition>> ReadAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return [.. await connection.QueryAsync<Definition>(new CommandDefinition(
            "select name as Name, options::text as Options, created_at as CreatedAt, dropped_at as DroppedAt from sharding.collection",
            cancellationToken: cancellation))];
    }

    private static async Task<int> WriteAsync(ShardDatabase source, IReadOnlyList<Definition> definitions, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into sharding.collection (name, options, created_at, dropped_at)
            values (@Name, @Options::jsonb, @CreatedAt, @DroppedAt) on conflict (name) do nothing
            """,
            definitions,
            cancellationToken: cancellation));
    }

    private sealed record Definition(string Name, string Options, DateTime CreatedAt, DateTime? DroppedAt);
}
