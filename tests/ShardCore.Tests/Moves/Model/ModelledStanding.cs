using System.Globalization;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What stands at a shard, in one line: as the model says it, and as SQL reads it.</summary>
internal static class ModelledStanding
{
    /// <summary>When rows that the test puts there were written: a row's hash depends on it.</summary>
    public const string Written = "2026-01-01 00:00:00Z";

    public const string SourceSql = $"""
        select (select state || ' ' || epoch || case when move_id is null then ' free' else ' held' end from sharding.slot_ownership) || ', '
            || coalesce((select phase || ' ' || attempt || case when frozen_until < clock_timestamp() then ' expired' else '' end
                             || case when phase in ('owned', 'published', 'verified') then case when seal is null then ' following' else '' end
                                     else ' seal ' || coalesce(get_byte(seal, 0), 0) end
                             || case when disputed is null then '' else ' disputed' end || case when settled is null then '' else ' settled' end
                         from sharding.move), 'no journal') || {RowsSql}
        """;

    public static readonly string TargetSql = $"""
        select coalesce((select state || case when state = 'importing' then '' else ' ' || epoch end || case when state = 'owned' and peer is not null then ' uncompared' else '' end
                         from sharding.slot_ownership), 'none')
            || ', import ' || coalesce((select attempt || case when owned_epoch is null then ' seal ' || coalesce(get_byte(seal, 0), 0)
                                                               else ' owned ' || owned_epoch || case when compared then ' compared' else '' end end from sharding.move_import), '0')
            || ' over ' || coalesce((select attempt || ' owned ' || coalesce(owned_epoch, 0) || case when compared then ' compared' else '' end from sharding.move_import_over), '0')
            || {RowsSql} || ', kept ' || {KeptSql("a")} || ' ' || {KeptSql("b")}
        """;

    private const string RowsSql = """
        ', rows ' || coalesce((select doc ->> 'n' from sharding.item where id = 'a'), '0') || ' ' || coalesce((select doc ->> 'n' from sharding.item where id = 'b'), '0')
        """;

    /// <summary>As sharding.keep_before_image computes it, of a row that the test has put there.</summary>
    public static string HashSql(string id, int content) => string.Create(CultureInfo.InvariantCulture, $$"""
        hash_record_extended(row(1::bigint, '{{Written}}'::timestamptz, null::timestamptz, {{ModelledShards.SlotText}}::smallint, 'c'::text, '{{ModelledShards.Pk}}'::text, '{{id}}'::text, '{"n":{{content}}}'::jsonb), 0)
        """);

    /// <summary>A kept hash is told by what it is the hash of: 0 none, 1 no row, else the content plus 1.</summary>
    private static string KeptSql(string id) => $"""
        coalesce((select case when hash is null then 1 when hash = {HashSql(id, 1)} then 2 when hash = {HashSql(id, 2)} then 3 when hash = {HashSql(id, 3)} then 4 else 9 end
                  from sharding.before_image where id = '{id}'), 0)
        """;

    /// <summary>What the model says stands at the source, in the words of <see cref="SourceSql"/>.</summary>
    public static string SourceOf(ModelState s) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name(s.Source)} {s.SourceEpoch} {(s.Held ? "held" : "free")}, {(s.Phase is { } phase ? JournalOf(s, phase) : "no journal")}, rows {s.SourceRow(0)} {s.SourceRow(1)}");

    /// <summary>What the model says stands at the target, in the words of <see cref="TargetSql"/>.</summary>
    public static string TargetOf(ModelState s)
    {
        var slot = s.Target == SlotState.None ? "none" : $"{Name(s.Target)}{(s.Target == SlotState.Importing ? "" : $" {s.TargetEpoch}")}{(s.Target == SlotState.Owned && s.Uncompared ? " uncompared" : "")}";
        var import = s.Import == 0 ? "0" : s.OwnedEpoch == 0 ? $"{s.Import} seal {s.TargetSeal}" : $"{s.Import} owned {s.OwnedEpoch}{(s.Compared ? " compared" : "")}";
        var over = s.ImportOver == 0 ? "0" : $"{s.ImportOver} owned {s.OverOwnedEpoch}{(s.OverCompared ? " compared" : "")}";
        return $"{slot}, import {import} over {over}, rows {s.TargetA} {s.TargetB}, kept {s.KeptA} {s.KeptB}";
    }

    private static string JournalOf(ModelState s, ShardCore.Moves.Batches.MovePhase phase)
    {
        var seal = phase > ShardCore.Moves.Batches.MovePhase.Released ? s.SourceSeal == 0 ? " following" : "" : $" seal {s.SourceSeal}";
        return $"{Name(phase)} {s.Attempt}{(s.Expired ? " expired" : "")}{seal}{(s.Disputed ? " disputed" : "")}{(s.Settled ? " settled" : "")}";
    }

    private static string Name<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
