using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Examining;

/// <summary>
/// The checks of shards as sources of moves, for doctor. All of them only warn, because they do not keep clients from being served. Pure.
/// </summary>
internal static class MoveChecks
{
    public static IEnumerable<Finding> Of(IReadOnlyDictionary<ShardId, ShardExamination> shards)
    {
        yield return Finding.Of(
            "slot-wal-keep-size", FindingLevel.Warning, [.. ShardChecks.Each(shards, shard => KeepSize(shard.Server.SlotWalKeepMiB))],
            "Bounded.", "alter system set max_slot_wal_keep_size = '10GB'; select pg_reload_conf()");
        yield return Of(
            shards, "replication-slots", able => able.Senders(), "Two batches can stream from each shard.",
            "alter system set max_replication_slots = 20; alter system set max_wal_senders = 20; then restart that Postgres");
        yield return Of(
            shards, "move-rights", able => able.Rights(), "The user may replicate and publish.",
            "alter role … replication; grant create on database … to …");
        yield return Of(
            shards, "replica-identity", able => able.Identity() is { } problem ? [problem] : [], "The primary key.",
            "alter table sharding.item replica identity default; if its primary key is another: shardadmin migrate --dry-run");
        yield return Of(
            shards, "move-left-overs", able => able.LeftOvers(), "None.",
            "in that shard: drop publication …; select pg_drop_replication_slot('…')");
    }

    private static Finding Of(
        IReadOnlyDictionary<ShardId, ShardExamination> shards, string check, Func<MoveAbility, IEnumerable<string>> problems, string good,
        string mend) => Finding.Of(
        check, FindingLevel.Warning,
        [.. ShardChecks.Each(
            shards,
            shard => shard.Ability is { } able && string.Join(" ", problems(able)) is { Length: > 0 } text ? text : null)],
        good, mend);

    private static string? KeepSize(long megabytes) => megabytes switch
    {
        ServerFacts.Unlimited => "max_slot_wal_keep_size is unlimited: a stuck move could fill the disk.",
        < MovePreflight.LeastSlotWalKeepMiB =>
            $"max_slot_wal_keep_size is {megabytes} MB: too little for a move that falls behind, so no move begins.",
        _ => null,
    };
}
