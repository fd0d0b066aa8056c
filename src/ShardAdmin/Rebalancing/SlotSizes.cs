using System.Globalization;
using Dapper;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Collections;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Asks the shards how many bytes each of their slots has.</summary>
internal static class SlotSizes
{
    /// <summary>Of a larger table only a sample of blocks with this total size is read.</summary>
    private const long LookedAtBytes = 256L << 20;

    /// <summary>The size of a row's header and its columns of fixed length.</summary>
    private const int RowBytes = 52;

    /// <summary>Makes a guess that costs nothing: divides the size of each shard's table equally among its slots.</summary>
    /// <returns>The bytes of each slot, 16,384 entries.</returns>
    public static async Task<long[]> GuessAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, CancellationToken cancellation)
    {
        var slots = owners.CountBy(owner => owner).ToDictionary(each => each.Key, each => each.Value);
        var sizes = await Reach.AllAsync([.. shards.Where(shard => slots.ContainsKey(shard.Id))], async shard =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<long>(
                new CommandDefinition($"select {ItemPartitions.TotalBytes}", cancellationToken: cancellation));
        });
        return [.. owners.Select(owner => sizes.GetValueOrDefault(owner) / slots[owner])];
    }

    /// <summary>
    /// Measures row by row: exactly for tables up to <see cref="LookedAtBytes"/>, with a sample of blocks for larger ones. A large document
    /// counts with its stored, compressed size; Postgres does not read the document for it.
    /// </summary>
    /// <returns>The bytes of each slot, 16,384 entries.</returns>
    public static async Task<long[]> MeasureAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, CancellationToken cancellation)
    {
        var measured = await Reach.AllAsync(shards, shard => MeasureAsync(session, shard, cancellation));
        return [.. owners.Select((owner, slot) => measured.TryGetValue(owner, out var sizes) ? sizes[slot] : 0)];
    }

    private static async Task<long[]> MeasureAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        var table = await connection.ExecuteScalarAsync<long>(
            new CommandDefinition($"select {ItemPartitions.TableBytes}", cancellationToken: cancellation));
        var share = Math.Min(1, LookedAtBytes / (double)Math.Max(1, table));
        var sample = share < 1
            ? string.Create(CultureInfo.InvariantCulture, $"tablesample system ({share * 100:0.####}) repeatable (1)")
            : "";
        var rows = await connection.QueryAsync<(short Slot, long Bytes)>(new CommandDefinition(
            $"select slot, sum({RowBytes} + pg_column_size(collection) + pg_column_size(pk) + pg_column_size(id) "
                + $"+ pg_column_size(doc))::bigint from sharding.item {sample} group by slot",
            commandTimeout: 0, cancellationToken: cancellation));
        var sizes = new long[Slot.Count];
        foreach (var (slot, bytes) in rows)
            sizes[slot] = (long)(bytes / share);
        return sizes;
    }
}
