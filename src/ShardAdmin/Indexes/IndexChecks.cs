using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>The check of indexes for doctor. Pure.</summary>
internal static class IndexChecks
{
    private const string Check = "indexes";
    private const string DropStray = "in that shard, as the owner of its tables: drop index concurrently sharding_items.\"…\"";

    /// <param name="byShard">The indexes of the shards that answered.</param>
    /// <param name="stray">What these have in Postgres and no definition names.</param>
    public static Finding Of(
        IReadOnlyDictionary<ShardId, IReadOnlyList<IndexInShard>> byShard, IReadOnlyDictionary<ShardId, IReadOnlyList<string>> stray)
    {
        var sights = IndexSurvey.Of(byShard, []);
        IndexSight[] open = [.. sights.Where(each => each.State != "ready")];
        string[] problems =
        [
            .. open.Select(Sentence),
            .. stray.Where(each => each.Value.Count > 0).OrderBy(each => each.Key)
                .Select(each => $"{each.Key}: no definition has the index {string.Join(", ", each.Value)}."),
        ];
        return Finding.Of(
            Check, open.Any(each => each.State is "differs" or "failed") ? FindingLevel.Failed : FindingLevel.Warning, problems,
            sights.Count == 0 ? "None is defined." : $"{Tables.Counted(sights.Count, "index", "indexes")}, ready in every shard.",
            string.Join("; ", open.Select(Mend).Concat(stray.Values.Any(each => each.Count > 0) ? [DropStray] : []).Distinct(StringComparer.Ordinal)));
    }

    private static string Sentence(IndexSight sight)
    {
        var missing = sight.Shards.Where(each => each.Value is null).Select(each => each.Key).ToArray();
        var notWhole = sight.Shards.Where(each => each.Value is { IsValid: false }).Select(each => each.Key).ToArray();
        return $"{sight.Key} is {Word(sight)}"
            + (missing.Length > 0 ? $", and not defined in {string.Join(", ", missing)}" : "")
            + (notWhole.Length > 0 && sight.State != "failed" ? $", and not built in {string.Join(", ", notWhole)}" : "")
            + $". {IndexLine.ProblemOf(sight)}".TrimEnd();
    }

    private static string Word(IndexSight sight) => sight.State switch
    {
        "differs" => "not the same in all shards",
        "failed" => "not there: its build failed",
        "dropping" => "to be dropped",
        _ => $"being built ({Tables.Percent(sight.Progress)})",
    };

    private static string Mend(IndexSight sight) => sight switch
    {
        { State: "differs" or "dropping" } => $"shardadmin indexes drop {sight.Key.Collection} {sight.Key.Name}",
        { State: "failed" } =>
            $"shardadmin indexes build {sight.Key.Collection} {sight.Key.Name}, when its reason is gone; or: "
            + $"shardadmin indexes drop {sight.Key.Collection} {sight.Key.Name}",
        _ => $"shardadmin indexes build {sight.Key.Collection} {sight.Key.Name}; or an agent with SHARDING_OWNER_USER",
    };
}
