using Dapper;
using Npgsql;
using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace ShardCore.Shards;

/// <summary>
/// Reads what a shard knows of itself: its identity with the copy of the shard list, and its slots. Also makes the writes that bring a
/// shard into a cluster. Nothing here takes a slot from another shard; only a move does.
/// </summary>
public static class ShardOwnershipStore
{
    // C# makes the runs from this, because to do it in SQL (gaps and islands) costs the shard twice as much.
    private const string SlotsSql = """
        select state as State, epoch as Epoch, peer as Peer, frozen_until as FrozenUntil,
               version_floor as VersionFloor, array_agg(slot) as Slots
        from sharding.slot_ownership
        group by state, epoch, peer, frozen_until, version_floor
        """;

    /// <returns>Null: the database has no sharding schema, or belongs to no cluster yet.</returns>
    /// <exception cref="BadRingException">The copy of the shard list cannot be read.</exception>
    public static async Task<ShardIdentity?> ReadIdentityAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        var hasTable = await connection.ExecuteScalarAsync<bool>(
            new CommandDefinition("select to_regclass('sharding.cluster') is not null", cancellationToken: cancellation));
        if (!hasTable)
            return null;
        var row = await connection.QuerySingleOrDefaultAsync<IdentityRow>(new CommandDefinition(
            """
            select cluster_name as Name, cluster_id as Id, shard_id as Shard, cursor_secret as Secret,
                   ring_epoch as Epoch, shards::text as Shards
            from sharding.cluster
            """,
            cancellationToken: cancellation));
        return row is null ? null : ToIdentity(row);
    }

    /// <summary>Makes the database a shard, unless it is one already. If two callers try, the first wins.</summary>
    /// <returns>The identity that the shard has afterwards. The caller compares it with the one that it asked for.</returns>
    public static async Task<ShardIdentity> WriteIdentityAsync(ShardDatabase shard, ShardIdentity identity, CancellationToken cancellation)
    {
        await using (var connection = await shard.OpenAsync(cancellation))
            await connection.ExecuteAsync(new CommandDefinition(
                """
                insert into sharding.cluster (cluster_name, cluster_id, shard_id, cursor_secret, ring_epoch, shards)
                values (@name, @id, @shard, @secret, @epoch, @shards::jsonb)
                on conflict (only_row) do nothing
                """,
                new
                {
                    name = identity.Cluster.Name,
                    id = identity.Cluster.Id,
                    shard = identity.Shard.Value,
                    secret = identity.CursorSecret.ToArray(),
                    epoch = identity.RingEpoch.Value,
                    shards = ShardListCodec.Write(identity.Shards),
                },
                cancellationToken: cancellation));
        return await ReadIdentityAsync(shard, cancellation)
            ?? throw new InvalidOperationException("The identity of the shard vanished while it was written.");
    }

    /// <summary>Gives a shard without slots the cluster's cursor secret, because it may have made its own (see ShardJoin).</summary>
    public static async Task AdoptCursorSecretAsync(ShardDatabase shard, ShardIdentity identity, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update sharding.cluster set cursor_secret = @secret
            where cluster_id = @id and shard_id = @shard and not exists (select from sharding.slot_ownership)
            """,
            new { secret = identity.CursorSecret.ToArray(), id = identity.Cluster.Id, shard = identity.Shard.Value },
            cancellationToken: cancellation));
    }

    /// <summary>Lets a shard that was taken out import slots again (see <c>sharding.leave</c>).</summary>
    public static async Task StayAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await connection.ExecuteAsync(
            new CommandDefinition("update sharding.cluster set leaving = false where leaving", cancellationToken: cancellation));
    }

    /// <summary>Replaces the copy of the shard list, unless the shard has a newer one.</summary>
    /// <returns>False: the shard has a newer list, or the database is not of this cluster.</returns>
    public static async Task<bool> StoreShardListAsync(
        ShardDatabase shard, ClusterId cluster, Epoch epoch, IEnumerable<Shard> shards, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(
            "update sharding.cluster set ring_epoch = @epoch, shards = @shards::jsonb where cluster_id = @id and ring_epoch <= @epoch",
            new { id = cluster.Id, epoch = epoch.Value, shards = ShardListCodec.Write(shards) },
            cancellationToken: cancellation)) == 1;
    }

    /// <returns>What the shard says about each of its slots, in slot order.</returns>
    public static async Task<IReadOnlyList<OwnershipRun>> ReadRunsAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await ReadRunsAsync(connection, cancellation);
    }

    /// <returns>The same, read in a session of the caller.</returns>
    public static async Task<IReadOnlyList<OwnershipRun>> ReadRunsAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var saidOf = new OwnershipRun?[Slot.Count];
        foreach (var same in await connection.QueryAsync<SlotsRow>(new CommandDefinition(SlotsSql, cancellationToken: cancellation)))
        {
            var said = same.ToRun();
            foreach (var slot in same.Slots)
                saidOf[slot] = said with { First = new Slot(slot), Last = new Slot(slot) };
        }
        return RunsOf(saidOf);
    }

    private static List<OwnershipRun> RunsOf(IEnumerable<OwnershipRun?> slots)
    {
        var runs = new List<OwnershipRun>();
        foreach (var slot in slots.OfType<OwnershipRun>())
            if (runs.Count > 0 && runs[^1].GoesOnWith(slot))
                runs[^1] = runs[^1] with { Last = slot.Last, VersionFloor = Math.Max(runs[^1].VersionFloor, slot.VersionFloor) };
            else
                runs.Add(slot);
        return runs;
    }

    /// <summary>
    /// Gives slots that never had an owner to this shard. Slots that the shard has a row for are left as they are. Use this only in a
    /// cluster in which no shard owns anything yet, because it asks no other shard.
    /// </summary>
    public static async Task InsertFirstOwnershipAsync(
        ShardDatabase shard, IEnumerable<Slot> slots, Epoch epoch, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into sharding.slot_ownership (slot, state, epoch)
            select slot, 'owned', @epoch from unnest(@slots) as slot
            on conflict (slot) do nothing
            """,
            new { slots = slots.Select(slot => (short)slot.Value).ToArray(), epoch = epoch.Value },
            cancellationToken: cancellation));
    }

    private static ShardIdentity ToIdentity(IdentityRow row) =>
        new(new ClusterId(row.Name, row.Id), new ShardId(row.Shard), row.Secret, new Epoch(row.Epoch), ShardListCodec.Read(row.Shards));

    private sealed record IdentityRow(string Name, Guid Id, string Shard, byte[] Secret, long Epoch, string Shards);

    /// <summary>
    /// This type has properties because Dapper would need a constructor with exact types, and an array column is only typed "array".
    /// </summary>
    private sealed class SlotsRow
    {
        public string State { get; init; } = "";
        public long Epoch { get; init; }
        public string? Peer { get; init; }
        public DateTime? FrozenUntil { get; init; }
        public long VersionFloor { get; init; }
        public short[] Slots { get; init; } = [];

        public OwnershipRun ToRun() => new(
            default, default, Enum.Parse<OwnershipState>(State, ignoreCase: true), new Epoch(Epoch),
            Peer is null ? null : new ShardId(Peer), FrozenUntil, VersionFloor);
    }
}

/// <summary>
/// The identity of a shard: its cluster, its id and its copy of the shard list. It is the one row of <c>sharding.cluster</c>.
/// </summary>
/// <param name="CursorSecret">32 random bytes that sign cursors. They are the same in every shard of a cluster.</param>
/// <param name="RingEpoch">The epoch of the ring that the shard list is from.</param>
/// <param name="Shards">The copy of the shard list, by id. A ring can be rebuilt from it.</param>
public sealed record ShardIdentity(
    ClusterId Cluster, ShardId Shard, ReadOnlyMemory<byte> CursorSecret, Epoch RingEpoch, IReadOnlyList<Shard> Shards)
{
    public const int CursorSecretBytes = 32;
}
