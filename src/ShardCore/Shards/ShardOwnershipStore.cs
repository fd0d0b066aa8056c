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
    // Gaps and islands: slot minus its rank is constant within neighbours that say the same.
    private const string RunsSql = """
        select min(slot)::integer as First, max(slot)::integer as Last, state as State, epoch as Epoch, peer as Peer,
               frozen_until as FrozenUntil, max(version_floor) as VersionFloor
        from (select *, slot - row_number() over (partition by state, epoch, peer, frozen_until order by slot) as island
              from sharding.slot_ownership) o
        group by state, epoch, peer, frozen_until, island
        order by min(slot)
        """;

    /// <returns>Null when the database has no sharding schema, or no cluster yet.</returns>
    /// <exception cref="BadRingException">The shard list copy is unreadable.</exception>
    public static async Task<ShardIdentity?> ReadIdentityAsync(NpgsqlDataSource shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
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
    public static async Task<ShardIdentity> WriteIdentityAsync(NpgsqlDataSource shard, ShardIdentity identity, CancellationToken cancellation)
    {
        await using (var connection = await shard.OpenConnectionAsync(cancellation))
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
    public static async Task AdoptCursorSecretAsync(NpgsqlDataSource shard, ShardIdentity identity, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            update sharding.cluster set cursor_secret = @secret
            where cluster_id = @id and shard_id = @shard and not exists (select from sharding.slot_ownership)
            """,
            new { secret = identity.CursorSecret.ToArray(), id = identity.Cluster.Id, shard = identity.Shard.Value },
            cancellationToken: cancellation));
    }

    /// <summary>Replaces the shard list copy, unless a newer one stands there.</summary>
    /// <returns>False when a newer list stands there, or the database is not this cluster's.</returns>
    public static async Task<bool> StoreShardListAsync(
        NpgsqlDataSource shard, ClusterId cluster, Epoch epoch, IEnumerable<Shard> shards, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
        return await connection.ExecuteAsync(new CommandDefinition(
            "update sharding.cluster set ring_epoch = @epoch, shards = @shards::jsonb where cluster_id = @id and ring_epoch <= @epoch",
            new { id = cluster.Id, epoch = epoch.Value, shards = ShardListCodec.Write(shards) },
            cancellationToken: cancellation)) == 1;
    }

    /// <returns>All that the shard says of its slots, in slot order.</returns>
    public static async Task<IReadOnlyList<OwnershipRun>> ReadRunsAsync(NpgsqlDataSource shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
        var rows = await connection.QueryAsync<RunRow>(new CommandDefinition(RunsSql, cancellationToken: cancellation));
        return [.. rows.Select(row => new OwnershipRun(
            new Slot(row.First), new Slot(row.Last), Enum.Parse<OwnershipState>(row.State, ignoreCase: true), new Epoch(row.Epoch),
            row.Peer is null ? null : new ShardId(row.Peer), row.FrozenUntil, row.VersionFloor))];
    }

    /// <summary>
    /// Gives slots that never had an owner to this shard; slots of which it says anything already are left as they are.
    /// Only for a cluster in which nobody owns anything yet: it asks no other shard.
    /// </summary>
    public static async Task InsertFirstOwnershipAsync(NpgsqlDataSource shard, IEnumerable<Slot> slots, Epoch epoch, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenConnectionAsync(cancellation);
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

    private sealed record RunRow(int First, int Last, string State, long Epoch, string? Peer, DateTime? FrozenUntil, long VersionFloor);
}
