using System.Globalization;
using Npgsql;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves.Model;

/// <summary>A source and a target that stand exactly as a state of the model says.</summary>
internal sealed class ModelledShards(TestDatabase source, TestDatabase target) : IAsyncDisposable
{
    public const string MoveId = "11111111-1111-1111-1111-111111111111";
    public const string Pk = "p";
    /// <summary>Of <see cref="Pk"/>.</summary>
    public const string SlotText = "1315";

    private static readonly string[] Names = ["a", "b"];

    private readonly List<NpgsqlConnection> _writers = [];
    private readonly List<NpgsqlConnection> _holds = [];

    public static async Task<ModelledShards> StartAsync(SharedPostgres postgres)
    {
        Assert.Equal(SlotText, SlotHash.Of(Pk).ToString());
        var shards = new ModelledShards(await postgres.CreateShardAsync(), await postgres.CreateShardAsync());
        foreach (var database in (TestDatabase[])[shards.Source, shards.Target])
            await database.ExecuteAsync("insert into sharding.collection (name) values ('c')");
        return shards;
    }

    public TestDatabase Source => source;

    public TestDatabase Target => target;

    /// <summary>Holds hand-overs at both from now on, as a backup point does.</summary>
    public async Task HoldAsync()
    {
        foreach (var database in (TestDatabase[])[Source, Target])
        {
            var connection = await database.DataSource.OpenConnectionAsync();
            _holds.Add(connection);
            await using var hold = new NpgsqlCommand("select sharding.hold_hand_overs()::text", connection);
            await hold.ExecuteScalarAsync();
        }
    }

    /// <summary>Puts the rows there, and lets the writers come as far as they are: with real locks, in real transactions.</summary>
    public async Task SetAsync(ModelState s)
    {
        await EndWritersAsync();
        await Source.ExecuteAsync($"""
            delete from sharding.move; delete from sharding.move_history; delete from sharding.slot_ownership; delete from sharding.item;
            {OwnershipSql(s.Source, s.SourceEpoch, s.Held, s.Expired, s.Source == SlotState.Released ? "'s2'" : "null")}
            {(s.Phase is { } phase ? $"""
                insert into sharding.move (move_id, operation_id, ordinal, target, slots, phase, attempt, epoch, version_floor, frozen_until, started_by, seal, disputed, settled)
                values ('{MoveId}', '{MoveId}', 0, 's2', array[{SlotText}]::smallint[], '{phase.ToString().ToLowerInvariant()}', {s.Attempt}, {s.SourceEpoch}, 1, {Deadline(phase == ShardCore.Moves.Batches.MovePhase.Frozen, s.Expired)}, 'test',
                        {SealSql(s.SourceSeal)}, {(s.Disputed ? "'test'" : "null")}, {(s.Settled ? "'target'" : "null")});
                """ : "")}
            {RowSql(0, s.SourceRow(0))}{RowSql(1, s.SourceRow(1))}
            """);
        await Target.ExecuteAsync($"""
            delete from sharding.move_import; delete from sharding.move_import_over; delete from sharding.before_image;
            delete from sharding.slot_ownership; delete from sharding.item;
            {OwnershipSql(s.Target, s.TargetEpoch, held: s.Target == SlotState.Importing, expired: false, s.Uncompared || s.Target is SlotState.Importing or SlotState.Released ? "'s1'" : "null")}
            {ImportSql(s)}
            {RowSql(0, s.TargetA)}{RowSql(1, s.TargetB)}{KeptSql(0, s.KeptA)}{KeptSql(1, s.KeptB)}
            """);
        for (var writer = 0; writer < Rows.Count; writer++)
            await BringAsync(s, writer);
    }

    /// <summary>Calls it, and looks what it came to before it is rolled back.</summary>
    /// <returns>SQLSTATE or null, the function's answer, and what stands there afterwards.</returns>
    public async Task<(string? SqlState, string Answer, string Standing)> CallAsync(bool atSource, string sql)
    {
        await using var connection = await (atSource ? Source : Target).DataSource.OpenConnectionAsync(); // its end rolls back
        var look = atSource ? ModelledStanding.SourceSql : ModelledStanding.TargetSql;
        try
        {
            await using var call = new NpgsqlCommand($"begin isolation level read committed; set local lock_timeout = '20ms'; {sql}; {look}", connection);
            await using var reader = await call.ExecuteReaderAsync();
            await reader.ReadAsync();
            var answer = reader.IsDBNull(0) ? "" : reader.GetString(0);
            await reader.NextResultAsync();
            await reader.ReadAsync();
            return (null, answer, reader.GetString(0));
        }
        catch (PostgresException e)
        {
            return (e.SqlState, "", "");
        }
    }

    /// <summary>0: none. Once the target owns, all are alike.</summary>
    public static string SealSql(int seal) => seal == 0 ? "null" : string.Create(CultureInfo.InvariantCulture, $"'\\x{seal:x2}'::bytea");

    private static string ImportSql(ModelState s) => string.Create(CultureInfo.InvariantCulture, $"""
        insert into sharding.move_import (move_id, source, slots, attempt, seal, owned_epoch, version_floor, compared)
        select '{MoveId}', 's1', array[{SlotText}]::smallint[], {s.Import}, {SealSql(s.TargetSeal)}, nullif({s.OwnedEpoch}, 0), 1, {s.Compared} where {s.Import} > 0;
        insert into sharding.move_import_over (move_id, source, slots, attempt, owned_epoch, version_floor, compared)
        select '{MoveId}', 's1', array[{SlotText}]::smallint[], {s.ImportOver}, nullif({s.OverOwnedEpoch}, 0), 1, {s.OverCompared} where {s.ImportOver} > 0;
        """);

    private static string OwnershipSql(SlotState state, int epoch, bool held, bool expired, string peer) => state == SlotState.None ? "" : $"""
        insert into sharding.slot_ownership (slot, state, epoch, move_id, peer, frozen_until)
        values ({SlotText}, '{state.ToString().ToLowerInvariant()}', {epoch}, {(held ? $"'{MoveId}'" : "null")}, {peer}, {Deadline(state == SlotState.Frozen, expired)});
        """;

    private static string Deadline(bool frozen, bool expired) => !frozen ? "null" : expired ? "now() - interval '1 hour'" : "now() + interval '1 hour'";

    private static string RowSql(int row, int content) => content == Rows.Absent ? "" : $$"""
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, '{{ModelledStanding.Written}}', {{SlotText}}, 'c', '{{Pk}}', '{{Names[row]}}', '{"n":{{content}}}');
        """;

    /// <summary>The hash that a writer would have kept of such a row.</summary>
    private static string KeptSql(int row, int kept) => kept == 0 ? "" : $$"""
        insert into sharding.before_image (slot, collection, pk, id, hash) values ({{SlotText}}, 'c', '{{Pk}}', '{{Names[row]}}', {{(kept == 1 ? "null" : ModelledStanding.HashSql(Names[row], kept - 1))}});
        """;

    /// <summary>The next write of a row, as a router writes it. Its answer is the outcome.</summary>
    public static string WriteSql(int row, int content)
    {
        var operation = content == Rows.Absent ? "delete" : "put";
        var doc = content == Rows.Absent ? "null" : $$"""'{"n":{{content}}}'""";
        return $"select outcome from sharding.write_items(false, array['{operation}'], array[{SlotText}::smallint], array['c'], array['{Pk}'], array['{Names[row]}'], array[{doc}::jsonb], array['none'], array[null], array[null::integer], array[false])";
    }

    private async Task BringAsync(ModelState s, int writer)
    {
        var step = s.Writer(writer);
        if (step == WriterStep.Idle)
            return;
        var connection = await (step is WriterStep.LockedAtTarget or WriterStep.OpenAtTarget ? Target : Source).DataSource.OpenConnectionAsync();
        _writers.Add(connection);
        var locks = step is WriterStep.LockedAtSource or WriterStep.LockedAtTarget;
        var write = WriteSql(writer, Rows.Of(writer, (writer == 0 ? s.UsedA : s.UsedB) + 1));
        await using (var begin = new NpgsqlCommand("begin", connection))
            await begin.ExecuteNonQueryAsync();
        await using var command = new NpgsqlCommand(locks ? $"select pg_advisory_xact_lock_shared(1397246027, {SlotText})::text" : write, connection);
        var outcome = (string)(await command.ExecuteScalarAsync())!;
        Assert.True(locks || outcome is "created" or "replaced" or "deleted", $"{step} came to {outcome} in {s}");
    }

    private async Task EndWritersAsync()
    {
        foreach (var writer in _writers)
        {
            await using (var rollback = new NpgsqlCommand("rollback", writer))
                await rollback.ExecuteNonQueryAsync();
            await writer.DisposeAsync();
        }
        _writers.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await EndWritersAsync();
        foreach (var hold in _holds)
            await hold.DisposeAsync();
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }
}
