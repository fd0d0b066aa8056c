using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Collections;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Cluster;

/// <summary>Reads the state of the cluster with cheap questions to each shard and to Redis.</summary>
internal sealed class ClusterStatus(AdminSession session)
{
    /// <summary>The rows of tables up to this size are counted; for larger tables they are estimated (pg_class.reltuples).</summary>
    private const long CountedBytes = 8 * 1024 * 1024;

    private const string Sql = $"""
        select (select coalesce(max(version), 0) from sharding.schema_migration) as SchemaVersion,
               (select count(*) from sharding.slot_ownership where state in ('owned', 'frozen'))::integer as Slots,
               (select ring_epoch from sharding.cluster) as RingEpoch,
               greatest((select max(epoch) from sharding.slot_ownership where state <> 'importing'),
                        (select ring_epoch from sharding.cluster)) as KnownEpoch,
               {ItemPartitions.TotalBytes} as SizeBytes,
               case when {ItemPartitions.TableBytes} <= @counted then sharding.count_items() else {ItemPartitions.EstimatedRows} end as Items,
               {ItemPartitions.TableBytes} > @counted as ItemsAreEstimated
        """;

    public async Task<StatusReport> ReadAsync(CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var routers = await RouterLine.ListAsync(session, ring, cancellation);
        var answers = await Reach.TryAllAsync(ring.Shards, shard => AskAsync(shard, cancellation));
        var shards = ring.Shards.Select(shard => StatusOf(shard, answers[shard.Id].Answer, answers[shard.Id].Problem)).ToArray();
        var operations = await OperationsAsync(ring, cancellation);
        var settings = ring.Shards.Select(shard => (shard.Id, answers[shard.Id].Answer?.SettingProblem))
            .Where(each => each.SettingProblem is not null);
        var lost = (await ShardLosses.ReadAsync(session, ring.Shards, cancellation)).Where(each => each.Loss is not null);
        string[] reasons = [
            .. ReasonsOf(ring, shards, routers), .. settings.Select(each => $"Shard {each.Id}: {each.SettingProblem}"),
            .. lost.Select(each => $"{ShardLosses.Sentence(each)} '{ShardLoss.NextFor(each.Shard.Id)}' settles it."),
            .. operations.Where(operation => operation.State == "disputed").Select(operation =>
                $"Operation {operation.Operation} is disputed: a person has to decide which copy of its slots is right. "
                + $"'shardadmin ops settle {operation.Operation}' shows both.")];
        var isDown = ring.IsEmpty || routers.Count == 0 || shards.All(shard => !shard.Reachable);
        var verdict = reasons.Length == 0 ? "ok" : isDown ? "down" : "degraded";
        return new StatusReport(
            reasons.Length == 0, verdict, reasons, ring.Cluster.Name, ring.Cluster.Id, ring.Epoch.Value, shards, routers, operations,
            await AgentRegistry.CountAsync(session, cancellation),
            await IndexesAsync(ring, cancellation),
            await BackupPointStatus.ReadAsync(session, ring, cancellation));
    }

    private async Task<IReadOnlyList<OperationStatus>> OperationsAsync(ShardRing ring, CancellationToken cancellation)
    {
        try
        {
            return OperationStatus.Of((await MoveJournals.ReachableAsync(session, ring.Shards, cancellation)).Batches);
        }
        catch (CommandFailedException)
        {
            return []; // a shard has an older schema; the reasons name it
        }
    }

    private async Task<IReadOnlyList<IndexStatus>> IndexesAsync(ShardRing ring, CancellationToken cancellation) =>
        [.. (await IndexSurvey.ReadAsync(session, ring.Shards, cancellation)).Where(each => each.State != "ready")
            .Select(each => new IndexStatus(each.Key.Collection, each.Key.Name, each.State, each.Progress))];

    private async Task<ShardAnswer> AskAsync(Shard shard, CancellationToken cancellation)
    {
        var source = session.Source(shard);
        await using var connection = await source.OpenAsync(cancellation);
        try
        {
            var answer = await connection.QuerySingleAsync<ShardAnswer>(
                new CommandDefinition(Sql, new { counted = CountedBytes }, cancellationToken: cancellation));
            return answer with
            {
                SettingProblem = ForeignSettings.ReadOnlyProblem(await ForeignSettings.ReadAsync(source, cancellation)),
                Standbys = await ShardStandbys.ReadAsync(session, shard, connection, cancellation),
            };
        }
        catch (PostgresException e) when (e.SqlState is "42P01" or "3F000")
        {
            return new ShardAnswer(0, 0, null, null, 0, null, false); // a database without our schema
        }
    }

    private ShardStatus StatusOf(Shard shard, ShardAnswer? answer, ShardUnreachableException? problem) => new(
        shard.Id.Value, shard.Address, shard.Weight, problem is null, problem?.Message, answer?.SchemaVersion, answer?.Slots,
        answer is null ? null : (double)answer.Slots / Slot.Count, answer?.Items, answer?.ItemsAreEstimated, answer?.SizeBytes,
        answer?.RingEpoch, answer?.KnownEpoch, StandbyStatus.Of(answer?.Standbys ?? ShardStandbys.OfHosts(session, shard), problem is null));

    private static IEnumerable<string> ReasonsOf(ShardRing ring, IReadOnlyList<ShardStatus> shards, IReadOnlyList<RouterLine> routers)
    {
        if (ring.IsEmpty)
            yield return "The cluster has no shard yet.";
        var current = ShardMigrator.Known[^1].Version;
        foreach (var shard in shards)
        {
            if (!shard.Reachable)
                yield return shard.Problem!;
            else if (shard.SchemaVersion != current)
                yield return $"Shard {shard.Id} has schema version {shard.SchemaVersion}, this program knows {current}.";
            else if (shard.RingEpoch is null)
                yield return $"Shard {shard.Id} does not know that it is a shard.";
            else if (shard.Slots != ring.SlotsOf(new ShardId(shard.Id)).Length)
                yield return $"Shard {shard.Id} owns {Tables.Counted(shard.Slots, "slot")}; "
                    + $"the ring gives it {ring.SlotsOf(new ShardId(shard.Id)).Length}.";
        }
        var known = Math.Max(shards.Max(shard => shard.KnownEpoch) ?? 0, routers.Select(router => router.Epoch).Append(0).Max());
        if (known > ring.Epoch.Value)
            yield return $"The ring in Redis, epoch {ring.Epoch}, is older than epoch {known}, which shards or routers know: Redis was set "
                + "back, or a change stopped halfway. 'shardadmin ring rebuild' repairs it.";
        if (routers.Count == 0)
            yield return "No router is registered.";
        foreach (var router in routers.Where(router => router.Behind > 0))
            yield return $"Router {router.Id} is {Tables.Counted(router.Behind, "epoch")} behind.";
    }

    private sealed record ShardAnswer(
        int SchemaVersion, int Slots, long? RingEpoch, long? KnownEpoch, long SizeBytes, long? Items, bool ItemsAreEstimated)
    {
        public string? SettingProblem { get; init; }

        public ShardStandbys? Standbys { get; init; }
    }
}
