using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Rebalancing;
using ShardAdmin.Shards;
using ShardCore.Access;
using ShardCore.Collections;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Examining;

/// <summary>The facts about one shard that doctor needs.</summary>
/// <param name="ClockOffset">Its clock minus the clock of this process, with an error of about half a round trip.</param>
/// <param name="ResidueSlots">How many slots have rows although the shard does not own them (any more).</param>
/// <param name="OverdueSlots">How many slots are frozen past their deadline: their mover died.</param>
/// <param name="Settings">Settings of its server, database and roles.</param>
/// <param name="Unfinished">Operations with a batch that is not over; empty: none.</param>
/// <param name="Disputed">Operations with a batch that only a person can continue; empty: none.</param>
/// <param name="Restored">Operations with a batch that was planned before the shard failed over or was restored; empty: none.</param>
/// <param name="Keys">Its API keys; null: its schema has none yet.</param>
/// <param name="Indexes">Its indexes on fields of documents.</param>
/// <param name="StrayIndexes">Indexes in Postgres that no definition has.</param>
/// <param name="Rights">What of the rights of the roles is not as it should be, as statements; empty: nothing, or its schema has none yet.</param>
/// <param name="Ability">Its ability to be the source of a move; null: it is not a shard yet.</param>
internal sealed record ShardExamination(
    ServerFacts Server, IReadOnlyList<ForeignSetting> Settings, MigrationResult Schema, ShardIdentity? Identity, TimeSpan ClockOffset,
    IReadOnlyList<CollectionDefinition> Collections, IReadOnlyList<OwnershipRun> Runs, long ResidueSlots, long OverdueSlots,
    long UnfinishedMoves, string Unfinished, string Disputed, string Restored, MoveAbility? Ability, ShardStandbys Standbys,
    IReadOnlyList<ApiKey>? Keys, IReadOnlyList<IndexInShard> Indexes, IReadOnlyList<string> StrayIndexes, string Rights)
{
    /// <summary>The migration that made sharding.api_key.</summary>
    private const int FirstWithKeys = 9;

    /// <summary>The migration that made sharding.rights_to_change.</summary>
    private const int FirstWithRights = 11;

    public static async Task<ShardExamination> RunAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var source = session.Source(shard);
        await ServerFacts.ReadAsync(source, cancellation); // opens the connection: the next call reads the clock in one round trip
        var (sent, began) = (TimeProvider.System.GetUtcNow(), Stopwatch.GetTimestamp());
        var server = await ServerFacts.ReadAsync(source, cancellation);
        var offset = server.Clock - sent.UtcDateTime - (Stopwatch.GetElapsedTime(began) / 2);
        var settings = await ForeignSettings.ReadAsync(source, cancellation);
        var schema = await new ShardMigrator().InspectAsync(source, cancellation);
        var standbys = await StandbysAsync(session, shard, cancellation);
        var unread = new ShardExamination(
            server, settings, schema, null, offset, [], [], 0, 0, 0, "", "", "", null, standbys, null, [], [], "")
        {
            IsReadable = schema.VersionAfter == 0,
        };
        if (schema.VersionAfter == 0)
            return unread;
        try
        {
            return (await ReadAsync(source, unread, cancellation)) with
            {
                Indexes = await IndexSurvey.ReadAsync(session, shard, cancellation),
                StrayIndexes = await IndexSurvey.StrayAsync(session, shard, cancellation),
            };
        }
        catch (PostgresException e) when (schema.State == MigrationState.Drift && !Reach.IsUnreachable(e))
        {
            return unread; // with forced row security, for instance, nobody sees the tables; the check of the schema reports the drift
        }
    }

    /// <summary>Whether its tables could be read. Those of a schema that drifted may not.</summary>
    public bool IsReadable { get; private init; } = true;

    private static async Task<ShardExamination> ReadAsync(
        ShardDatabase source, ShardExamination unread, CancellationToken cancellation)
    {
        var left = await LeftOversAsync(source, cancellation);
        return new ShardExamination(
            unread.Server, unread.Settings, unread.Schema, await ShardOwnershipStore.ReadIdentityAsync(source, cancellation),
            unread.ClockOffset, await CollectionStore.ListAsync(source, cancellation),
            await ShardOwnershipStore.ReadRunsAsync(source, cancellation), left.Residue, left.Overdue, left.Moves, left.Unfinished,
            left.Disputed, left.Restored, await MoveAbility.ReadAsync(source, cancellation), unread.Standbys,
            unread.Schema.VersionAfter >= FirstWithKeys ? await ApiKeyStore.ListAsync(source, cancellation) : null, [], [],
            unread.Schema.VersionAfter >= FirstWithRights ? await RightsAsync(source, cancellation) : "");
    }

    private static async Task<ShardStandbys> StandbysAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        return await ShardStandbys.ReadAsync(session, shard, connection, cancellation);
    }

    private static async Task<string> RightsAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return string.Join("; ", await connection.QueryAsync<string>(
            new CommandDefinition("select * from sharding.rights_to_change()", cancellationToken: cancellation)));
    }

    private static async Task<LeftOvers> LeftOversAsync(ShardDatabase source, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<LeftOvers>(new CommandDefinition(
            """
            select sharding.residue() as Residue,
                   (select count(*) from sharding.slot_ownership where state = 'frozen' and frozen_until < clock_timestamp()) as Overdue,
                   (select count(*) from sharding.move) as Moves,
                   coalesce((select string_agg(distinct operation_id::text, ' ') from sharding.move), '') as Unfinished,
                   coalesce((select string_agg(distinct operation_id::text, ' ') from sharding.move
                             where disputed is not null), '') as Disputed,
                   coalesce((select string_agg(distinct operation_id::text, ' ') from sharding.move
                             where phase in ('planned', 'copying', 'frozen') and planned_in <> sharding.history()), '') as Restored
            """,
            cancellationToken: cancellation));
    }

    private sealed record LeftOvers(long Residue, long Overdue, long Moves, string Unfinished, string Disputed, string Restored);
}
