using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Collections;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>What doctor asks of one shard.</summary>
/// <param name="ClockOffset">Its clock minus ours, to about half a round trip.</param>
/// <param name="ResidueSlots">Slots that are not (or no longer) its own and still hold rows.</param>
/// <param name="OverdueSlots">Slots frozen past their deadline: their mover died.</param>
/// <param name="Settings">Of its server, database and roles.</param>
/// <param name="Disputed">Operations with a batch that only a person can go on with; empty: none.</param>
/// <param name="Restored">Operations with a batch that was planned before the shard failed over or was restored; empty: none.</param>
/// <param name="Ability">To be the source of a move; null: it is no shard yet.</param>
internal sealed record ShardExamination(
    ServerFacts Server, IReadOnlyList<ForeignSetting> Settings, MigrationResult Schema, ShardIdentity? Identity, TimeSpan ClockOffset,
    IReadOnlyList<CollectionDefinition> Collections, IReadOnlyList<OwnershipRun> Runs, long ResidueSlots, long OverdueSlots, long UnfinishedMoves, string Disputed, string Restored, MoveAbility? Ability,
    ShardStandbys Standbys)
{
    public static async Task<ShardExamination> RunAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var source = session.Source(shard);
        await ServerFacts.ReadAsync(source, cancellation); // opens the connection, so that the clock is read in one round trip
        var (sent, began) = (TimeProvider.System.GetUtcNow(), Stopwatch.GetTimestamp());
        var server = await ServerFacts.ReadAsync(source, cancellation);
        var offset = server.Clock - sent.UtcDateTime - (Stopwatch.GetElapsedTime(began) / 2);
        var settings = await ForeignSettings.ReadAsync(source, cancellation);
        var schema = await new ShardMigrator().InspectAsync(source, cancellation);
        var standbys = await StandbysAsync(session, shard, cancellation);
        if (schema.VersionAfter == 0)
            return new ShardExamination(server, settings, schema, null, offset, [], [], 0, 0, 0, "", "", null, standbys);
        var (residue, overdue, unfinished, disputed, restored) = await LeftOversAsync(source, cancellation);
        return new ShardExamination(
            server, settings, schema, await ShardOwnershipStore.ReadIdentityAsync(source, cancellation), offset,
            await CollectionStore.ListAsync(source, cancellation), await ShardOwnershipStore.ReadRunsAsync(source, cancellation), residue, overdue, unfinished, disputed, restored,
            await MoveAbility.ReadAsync(source, cancellation), standbys);
    }

    private static async Task<ShardStandbys> StandbysAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        return await ShardStandbys.ReadAsync(session, shard, connection, cancellation);
    }

    private static async Task<(long Residue, long Overdue, long Unfinished, string Disputed, string Restored)> LeftOversAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<(long, long, long, string, string)>(new CommandDefinition(
            """
            select (select count(*) from sharding.slot_ownership o
                    where o.state in ('released', 'importing') and exists (select from sharding.item i where i.slot = o.slot)),
                   (select count(*) from sharding.slot_ownership where state = 'frozen' and frozen_until < clock_timestamp()),
                   (select count(*) from sharding.move),
                   coalesce((select string_agg(distinct operation_id::text, ' ') from sharding.move where disputed is not null), ''),
                   coalesce((select string_agg(distinct operation_id::text, ' ') from sharding.move
                             where phase in ('planned', 'copying', 'frozen') and planned_in <> sharding.history()), '')
            """,
            cancellationToken: cancellation));
    }
}
