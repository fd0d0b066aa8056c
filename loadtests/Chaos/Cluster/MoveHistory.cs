using Npgsql;

namespace Chaos.Cluster;

/// <summary>The completed moves according to the shards' histories.</summary>
/// <param name="LongestPauseMs">The longest time that writes to a batch's slots were held.</param>
internal sealed record MoveHistory(long Batches, long Slots, double LongestPauseMs, long Attempts)
{
    private const string Sql = "select count(*), coalesce(sum(cardinality(slots)), 0), coalesce(max(pause_ms), 0), coalesce(sum(attempts), 0) from sharding.move_history";

    public static async Task<MoveHistory> ReadAsync(ChaosCluster cluster, CancellationToken cancellation)
    {
        var all = new MoveHistory(0, 0, 0, 0);
        foreach (var shard in cluster.ShardIds)
        {
            await using var connection = new NpgsqlConnection(cluster.Shard(shard).ConnectionString);
            await connection.OpenAsync(cancellation);
            await using (var known = new NpgsqlCommand("select to_regclass('sharding.move_history') is not null", connection))
                if (await known.ExecuteScalarAsync(cancellation) is false)
                    continue; // the spare shard never joined
            await using var command = new NpgsqlCommand(Sql, connection);
            await using var reader = await command.ExecuteReaderAsync(cancellation);
            await reader.ReadAsync(cancellation);
            all = new MoveHistory(
                all.Batches + reader.GetInt64(0), all.Slots + reader.GetInt64(1), Math.Max(all.LongestPauseMs, reader.GetDouble(2)), all.Attempts + reader.GetInt64(3));
        }
        return all;
    }
}
