using ShardCore.Indexes;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>One index in all shards, for people and programs.</summary>
/// <param name="Fields">As a person types them.</param>
/// <param name="State">As <see cref="IndexSight.State"/>.</param>
/// <param name="Progress">0…1, over all shards.</param>
/// <param name="Bytes">Over all shards.</param>
/// <param name="NotIn">The shards that do not have it whole.</param>
/// <param name="Problem">Why it is not ready, and what helps; null: it is, or somebody is at it.</param>
internal sealed record IndexLine(
    string Collection, string Index, IReadOnlyList<string> Fields, bool Unique, string State, double Progress, long Bytes,
    IReadOnlyList<ShardId> NotIn, string? Problem)
{
    public static IndexLine Of(IndexSight sight)
    {
        var model = sight.Known.First();
        return new IndexLine(
            sight.Key.Collection, sight.Key.Name, [.. IndexField.Read(model.Fields).Select(field => field.ToString())], model.IsUnique,
            sight.State, sight.Progress, sight.Known.Sum(each => each.Bytes),
            [.. sight.Shards.Where(each => each.Value is not { IsValid: true }).Select(each => each.Key)], ProblemOf(sight));
    }

    /// <returns>Null: it is ready, or somebody is at it.</returns>
    public static string? ProblemOf(IndexSight sight) => IndexRules.Decide(sight) switch
    {
        IndexTask.Differs => "The shards have different definitions.",
        IndexTask.Build when sight.Known.Any(each => each.Waits) => $"It {IndexProgress.WaitsText}.",
        IndexTask.Build when !sight.Known.Any(each => each.IsHeld) =>
            "Nobody builds it at this moment: no agent runs, or no agent that may be the owner of the tables (SHARDING_OWNER_USER).",
        IndexTask.Drop when !sight.Known.Any(each => each.IsHeld) => "An agent completes this, or: shardadmin indexes drop.",
        _ => sight.Problem,
    };
}
