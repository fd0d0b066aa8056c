using System.Security.Cryptography;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <param name="Ring">The present ring; for a dry run the ring that would be published.</param>
/// <param name="Standing">The shard's WAL position at the new address, compared with the position that was seen before.</param>
/// <param name="Silent">Shards that did not answer: their copies of the list are old until the next change of the ring.</param>
internal sealed record RelocationResult(Shard Before, Shard After, ShardRing Ring, ShardStanding Standing, IReadOnlyList<ShardId> Silent);

/// <summary>Changes the address of a shard in the ring. No slot moves.</summary>
/// <remarks>
/// It refuses a database that is not this shard of this cluster. It also refuses if the old address still takes writes on another server:
/// until all routers know the new ring, different routers would serve two different copies. Other shards may be away, because after a
/// disaster several are. The ring's owners stay as they are; doctor, verify and the fence find out whether the shard that came back agrees
/// with them.
/// </remarks>
internal sealed class ShardRelocation(AdminSession session, ShardId id, ShardAddress to)
{
    /// <summary>Checks everything and changes nothing.</summary>
    public async Task<RelocationResult> LookAsync(ShardRing ring, CancellationToken cancellation)
    {
        var before = ring.RequireShard(id);
        var after = before with { At = to };
        if (ring.Shards.FirstOrDefault(each =>
            each.Id != id && each.Database == to.Database && each.At.Hosts.Intersect(to.Hosts).Any()) is { } twin)
            throw new CommandFailedException(
                ExitCode.Conflict, $"{to} is where shard {twin.Id} is: {twin.Address}.", "shardadmin ring show");
        await RequireShardAsync(ring, after, cancellation);
        foreach (var host in before.At.Hosts.Except(to.Hosts))
            await RequireGoneAsync(ring, before with { At = new ShardAddress([host], before.Database) }, after, cancellation);
        var standing = (await ShardLosses.ReadAsync(session, [after], cancellation))[0];
        return new RelocationResult(before, after, ring.Next(With(ring, after), ring.Owners), standing, []);
    }

    public async Task<RelocationResult> RunAsync(CancellationToken cancellation)
    {
        var ring = WithAddress(await session.RequireRingAsync(cancellation), id, to);
        var reachable = await ReachableAsync(ring, cancellation);
        await using var held = await AdminLock.TakeAsync(session, reachable, cancellation);
        ring = await session.RequireRingAsync(cancellation);
        var result = await LookAsync(ring, cancellation);
        if (result.Before == result.After)
            return result with { Ring = ring };
        var known = await RingKnowledge.ReadReachableAsync(session, WithAddress(ring, id, to), cancellation);
        known.RequireNotSetBack([id]);
        var next = ShardRing.Create(ring.Cluster, known.Next, With(ring, result.After), ring.Owners);
        session.LeftOff = $"The ring still names {result.Before.Address}. The same command completes it.";
        var stored = await Reach.TryAllAsync(
            next.Shards,
            shard => ShardOwnershipStore.StoreShardListAsync(
                session.Source(shard), next.Cluster, next.Epoch, next.Shards, cancellation));
        if (stored[id].Problem is { } problem)
            throw problem;
        await session.Failpoint.ReachedAsync("lists-stored", cancellation);
        await new RingPublisher(session).PublishToRedisAsync(next, ring.Epoch, $"relocate {id}", cancellation);
        return result with { Ring = next, Silent = [.. stored.Where(each => each.Value.Problem is not null).Select(each => each.Key)] };
    }

    private static ShardRing WithAddress(ShardRing ring, ShardId id, ShardAddress to) =>
        ring.Find(id) is { } shard ? ShardRing.Create(ring.Cluster, ring.Epoch, With(ring, shard with { At = to }), ring.Owners) : ring;

    private static Shard[] With(ShardRing ring, Shard after) =>
        [.. ring.Shards.Select(each => each.Id == after.Id ? after : each)];

    private async Task<IReadOnlyCollection<Shard>> ReachableAsync(ShardRing ring, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(ring.Shards, async shard =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return true;
        });
        return [.. ring.Shards.Where(shard => answers[shard.Id].Problem is null || shard.Id == id)];
    }

    private async Task RequireShardAsync(ShardRing ring, Shard after, CancellationToken cancellation)
    {
        var (identity, isStandby) = await Reach.ShardAsync(after, async () =>
        {
            await using var connection = await session.Source(after).OpenAsync(cancellation);
            return (
                await ShardOwnershipStore.ReadIdentityAsync(session.Source(after), cancellation),
                await IsStandbyAsync(connection, cancellation));
        });
        if (identity is null)
            throw new CommandFailedException(
                ExitCode.Precondition, $"The database {to} is not a shard: it has no row in sharding.cluster.",
                "restore shard " + id + " there, or name the right address; then the same command again");
        if (identity.Cluster != ring.Cluster || identity.Shard != id)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"The database {to} is shard {identity.Shard} of cluster {identity.Cluster.Name} ({identity.Cluster.Id}), "
                + $"not {id} of {ring.Cluster.Name} ({ring.Cluster.Id}).",
                "name the right address; then the same command again");
        if (isStandby)
            throw new CommandFailedException(
                ExitCode.Precondition, $"The server at {to} is a standby.",
                "pg_ctl promote, or name its primary; then the same command again");
    }

    /// <summary>
    /// Requires that the old server no longer answers as this shard and takes writes. If it does, its operator has to stop it first.
    /// </summary>
    private async Task RequireGoneAsync(ShardRing ring, Shard old, Shard after, CancellationToken cancellation)
    {
        try
        {
            await using var there = await session.Source(old).OpenAsync(cancellation);
            if (await IsStandbyAsync(there, cancellation)
                || await ShardOwnershipStore.ReadIdentityAsync(session.Source(old), cancellation) is not { } identity
                || identity.Cluster != ring.Cluster || identity.Shard != id || await IsSameServerAsync(there, after, cancellation))
                return;
        }
        catch (Exception e) when (Reach.IsUnreachable(e))
        {
            return; // the old server is gone, as required
        }
        throw new CommandFailedException(
            ExitCode.Conflict,
            $"Shard {id} still takes writes at {old.Address}, on another server than {to}. Writes of clients there would be lost.",
            "stop that server, or demote it; then the same command again");
    }

    /// <summary>Whether two addresses lead to one server: then a lock that is taken at one address is visible at the other.</summary>
    private async Task<bool> IsSameServerAsync(NpgsqlConnection one, Shard other, CancellationToken cancellation)
    {
        var token = RandomNumberGenerator.GetInt32(int.MaxValue);
        await using var connection = await session.Source(other).OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            "select pg_advisory_lock(@Class, @token)", new { AdminLock.Class, token }, cancellationToken: cancellation));
        try
        {
            return await one.ExecuteScalarAsync<bool>(new CommandDefinition(
                "select exists (select from pg_locks where locktype = 'advisory' and classid = @Class and objid = @token)",
                new { AdminLock.Class, token }, cancellationToken: cancellation));
        }
        finally
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "select pg_advisory_unlock(@Class, @token)", new { AdminLock.Class, token }, cancellationToken: CancellationToken.None));
        }
    }

    private static Task<bool> IsStandbyAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        connection.ExecuteScalarAsync<bool>(
            new CommandDefinition("select pg_is_in_recovery()", cancellationToken: cancellation));
}
