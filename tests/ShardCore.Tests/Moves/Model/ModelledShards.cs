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

    /// <summary>Puts the rows there, and lets the writers come as far as they are: with real locks, in real transactions.</summary>
    public async Task SetAsync(ModelState s)
    {
        await EndWritersAsync();
        await Source.ExecuteAsync($"""
            delete from sharding.move; delete from sharding.move_history; delete from sharding.slot_ownership; delete from sharding.item;
            {OwnershipSql(s.Source, s.SourceEpoch, s.Held, s.Expired)}
            {(s.Phase is { } phase ? $"""
                insert into sharding.move (move_id, operation_id, ordinal, target, slots, phase, attempt, epoch, version_floor, frozen_until, started_by)
                values ('{MoveId}', '{MoveId}', 0, 's2', array[{SlotText}]::smallint[], '{phase.ToString().ToLowerInvariant()}', {s.Attempt}, {s.SourceEpoch}, 1, {Deadline(phase == ShardCore.Moves.MovePhase.Frozen, s.Expired)}, 'test');
                """ : "")}
            {(s.Cleaned ? "" : RowSql(0, Rows.Of(0, s.SourceA)) + RowSql(1, Rows.Of(1, s.SourceB)))}
            """);
        await Target.ExecuteAsync($"""
            delete from sharding.move_import; delete from sharding.move_import_over; delete from sharding.slot_ownership; delete from sharding.item;
            {OwnershipSql(s.Target, s.TargetEpoch, held: s.Target == SlotState.Importing, expired: false)}
            {(s.Import > 0 ? $"insert into sharding.move_import (move_id, source, slots, attempt) values ('{MoveId}', 's1', array[{SlotText}]::smallint[], {s.Import});" : "")}
            {(s.ImportOver > 0 ? $"insert into sharding.move_import_over (move_id, attempt) values ('{MoveId}', {s.ImportOver});" : "")}
            {RowSql(0, s.TargetA)}{RowSql(1, s.TargetB)}
            """);
        for (var writer = 0; writer < Rows.Count; writer++)
            await BringAsync(s, writer);
    }

    /// <summary>Calls it, and looks what it came to before it is rolled back.</summary>
    /// <returns>SQLSTATE or null, the function's answer, and what stands there afterwards.</returns>
    public async Task<(string? SqlState, string Answer, string Standing)> CallAsync(bool atSource, string sql)
    {
        await using var connection = await (atSource ? Source : Target).DataSource.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted);
        await using (var limit = new NpgsqlCommand("set local lock_timeout = '20ms'", connection))
            await limit.ExecuteNonQueryAsync();
        try
        {
            await using var call = new NpgsqlCommand(sql, connection);
            var answer = await call.ExecuteScalarAsync() as string ?? "";
            await using var look = new NpgsqlCommand(atSource ? SourceSql : TargetSql, connection);
            return (null, answer, (string)(await look.ExecuteScalarAsync())!);
        }
        catch (PostgresException e)
        {
            return (e.SqlState, "", "");
        }
    }

    /// <summary>What the model says stands at the source, in the words of <see cref="SourceSql"/>.</summary>
    public static string SourceOf(ModelState s) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name(s.Source)} {s.SourceEpoch} {(s.Held ? "held" : "free")}, {(s.Phase is { } phase ? $"{Name(phase)} {s.Attempt}{(s.Expired ? " expired" : "")}" : "no journal")}, rows {(s.Cleaned ? 0 : Rows.Of(0, s.SourceA))} {(s.Cleaned ? 0 : Rows.Of(1, s.SourceB))}");

    public static string TargetOf(ModelState s) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(s.Target == SlotState.None ? "none" : $"{Name(s.Target)}{(s.Target == SlotState.Importing ? "" : $" {s.TargetEpoch}")}")}, import {s.Import} over {s.ImportOver}, rows {s.TargetA} {s.TargetB}");

    private const string RowsSql = """
        ', rows ' || coalesce((select doc ->> 'n' from sharding.item where id = 'a'), '0') || ' ' || coalesce((select doc ->> 'n' from sharding.item where id = 'b'), '0')
        """;

    private const string SourceSql = $"""
        select (select state || ' ' || epoch || case when move_id is null then ' free' else ' held' end from sharding.slot_ownership) || ', '
            || coalesce((select phase || ' ' || attempt || case when frozen_until < clock_timestamp() then ' expired' else '' end from sharding.move), 'no journal') || {RowsSql}
        """;

    private const string TargetSql = $"""
        select coalesce((select state || case when state = 'importing' then '' else ' ' || epoch end from sharding.slot_ownership), 'none')
            || ', import ' || coalesce((select attempt from sharding.move_import), 0) || ' over ' || coalesce((select attempt from sharding.move_import_over), 0) || {RowsSql}
        """;

    private static string Name<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string OwnershipSql(SlotState state, int epoch, bool held, bool expired) => state == SlotState.None ? "" : $"""
        insert into sharding.slot_ownership (slot, state, epoch, move_id, peer, frozen_until)
        values ({SlotText}, '{Name(state)}', {epoch}, {(held ? $"'{MoveId}'" : "null")}, {(state is SlotState.Released or SlotState.Importing ? "'s9'" : "null")}, {Deadline(state == SlotState.Frozen, expired)});
        """;

    private static string Deadline(bool frozen, bool expired) => !frozen ? "null" : expired ? "now() - interval '1 hour'" : "now() + interval '1 hour'";

    private static string RowSql(int row, int content) => content == Rows.Absent ? "" : $$"""
        insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values (1, now(), {{SlotText}}, 'c', '{{Pk}}', '{{Names[row]}}', '{"n":{{content}}}');
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
        var write = WriteSql(writer, Rows.Of(writer, (writer == 0 ? s.AcknowledgedA : s.AcknowledgedB) + 1));
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
        await Source.DisposeAsync();
        await Target.DisposeAsync();
    }
}
