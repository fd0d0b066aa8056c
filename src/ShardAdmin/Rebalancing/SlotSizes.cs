using System.Globalization;
using Dapper;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Rebalancing;

/// <summary>How many bytes each slot has, as its owner tells.</summary>
internal static class SlotSizes
{
    /// <summary>Of a table larger than this only so much is looked at: the blocks of a sample.</summary>
    private const long LookedAtBytes = 256L << 20;

    /// <summary>The header of a row and the columns of fixed length.</summary>
    private const int RowBytes = 52;

    /// <summary>A guess that costs nothing: each shard's table, in equal parts over its slots.</summary>
    /// <returns>By slot, 16,384 entries.</returns>
    public static async Task<long[]> GuessAsync(AdminSession session, IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, CancellationToken cancellation)
    {
        var slots = owners.CountBy(owner => owner).ToDictionary(each => each.Key, each => each.Value);
        var sizes = await Reach.AllAsync([.. shards.Where(shard => slots.ContainsKey(shard.Id))], async shard =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<long>(new CommandDefinition("select pg_total_relation_size('sharding.item')", cancellationToken: cancellation));
        });
        return [.. owners.Select(owner => sizes.GetValueOrDefault(owner) / slots[owner])];
    }

    /// <summary>
    /// Measured row by row: exact for tables up to <see cref="LookedAtBytes"/>, of larger ones a sample of blocks. A large
    /// document counts as it is stored, compressed, and is not read for it.
    /// </summary>
    /// <returns>By slot, 16,384 entries.</returns>
    public static async Task<long[]> MeasureAsync(AdminSession session, IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, CancellationToken cancellation)
    {
        var measured = await Reach.AllAsync(shards, shard => MeasureAsync(session, shard, cancellation));
        return [.. owners.Select((owner, slot) => measured.TryGetValue(owner, out var sizes) ? sizes[slot] : 0)];
    }

    private static async Task<long[]> MeasureAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        var table = await connection.ExecuteScalarAsync<long>(new CommandDefinition("select pg_relation_size('sharding.item')", cancellationToken: cancellation));
        var share = Math.Min(1, LookedAtBytes / (double)Math.Max(1, table));
        var sample = share < 1 ? string.Create(CultureInfo.InvariantCulture, $"tablesample system ({share * 100:0.####}) repeatable (1)") : "";
        var rows = await connection.QueryAsync<(short Slot, long Bytes)>(new CommandDefinition(
            $"select slot, sum({RowBytes} + pg_column_size(collection) + pg_column_size(pk) + pg_column_size(id) + pg_column_size(doc))::bigint from sharding.item {sample} group by slot",
            commandTimeout: 0, cancellationToken: cancellation));
        var sizes = new long[Slot.Count];
        foreach (var (slot, bytes) in rows)
            sizes[slot] = (long)(bytes / share);
        return sizes;
    }
}
