using Npgsql;

namespace ShardCore.Shards;

public static class ShardConnections
{
    /// <summary>The only way to open a connection to a shard: <see cref="ShardConnection"/> tells why.</summary>
    public static async Task<ShardConnection> OpenAsync(this NpgsqlDataSource shard, CancellationToken cancellation) =>
        new(await shard.OpenConnectionAsync(cancellation));
}
