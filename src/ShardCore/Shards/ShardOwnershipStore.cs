using Dapper;
using Npgsql;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardCore.Shards;

/// <summary>
/// What a shard knows of itself: its identity with the shard list copy, and its slots. Reads, and the writes that bring
/// a shard into a cluster; nothing here takes a slot from anybody (that is a move).
/// </summary>
public static class ShardOwnershipStore
{
    // The runs are made here: gaps and islands in SQL cost the shard twice as much.
    private const string SlotsSql = """
        select state as State, epoch as Epoch, peer as Peer, frozen_until as FrozenUntil, version_floor as VersionFloor, array_agg(slot) as Slots
        from sharding.slot_ownership
        group by state, epoch, peer, frozen_until, version_floor
        """;

    /// <returns>Null when the database has no sharding schema, or no cluster yet.</returns>
    /// <exception cref="BadRingException">The shard list copy is unreadable.</exception>
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

    /// <summary>Makes the database a shard, unless it is one already. Of two that try, the first wins.</summary>
    /// <returns>Who it is afterwards: compare it with what was asked for.</returns>
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

    /// <summary>Gives a shard that owns nothing the cluster's cursor secret: it may have made one of its own, see ShardJoin.</summary>
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

    /// <summary>A shard that was taken out takes slots in again (<c>sharding.leave</c>).</summary>
    public static async Task StayAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition("update sharding.cluster set leaving = false where leaving", cancellationToken: cancellation));
    }

    /// <summary>Replaces the shard list copy, unless a newer one stands there.</summary>
    /// <returns>False when a newer list stands there, or the database is not this cluster's.</returns>
    public static async Task<bool> StoreShardListAsync(
        ShardDatabase shard, ClusterId cluster, Epoch epoch, IEnumerable<Shard> shards, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(
            "update sharding.cluster set ring_epoch = @epoch, shards = @shards::jsonb where cluster_id = @id and ring_epoch <= @epoch",
            new { id = cluster.Id, epoch = epoch.Value, shards = ShardListCodec.Write(shards) },
            cancellationToken: cancellation)) == 1;
    }

    /// <returns>All that the shard says of its slots, in slot order.</returns>
    public static async Task<IReadOnlyList<OwnershipRun>> ReadRunsAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await ReadRunsAsync(connection, cancellation);
    }

    /// <returns>The same, asked in a session that the caller has.</returns>
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
    /// Gives slots that never had an owner to this shard; slots of which it says anything already are left as they are.
    /// Only for a cluster in which nobody owns anything yet: it asks no other shard.
    /// </summary>
    public static async Task InsertFirstOwnershipAsync(ShardDatabase shard, IEnumerable<Slot> slots, Epoch epoch, CancellationToken cancellation)
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

    /// <summary>By properties: for a constructor Dapper wants the exact type, and an array column says only "array".</summary>
    private sealed class SlotsRow
    {
        public string State { get; init; } = "";
        public long Epoch { get; init; }
        public string? Peer { get; init; }
        public DateTime? FrozenUntil { get; init; }
        public long VersionFloor { get; init; }
        public short[] Slots { get; init; } = [];

        public OwnershipRun ToRun() => new(
            default, default, Enum.Parse<OwnershipState>(State, ignoreCase: true), new Epoch(Epoch), Peer is null ? null : new ShardId(Peer), FrozenUntil, VersionFloor);
    }
}
