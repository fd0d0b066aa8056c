using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>A <see cref="ClusterChange"/> in the document of a plan. Fields that do not belong to its kind are null.</summary>
/// <param name="Kind">move · rebalance · remove-shard · add-shard</param>
/// <param name="Shard">The shard that joins, leaves, or gets the slots.</param>
internal sealed record ChangeDocument(
    string Kind, string? Shard, string? Address, int? Weight, string? Slots, BalanceMeasure? By, double? Threshold,
    IReadOnlyDictionary<string, int>? Weights)
{
    private static readonly ChangeDocument Empty = new("", null, null, null, null, null, null, null);

    public static ChangeDocument Of(ClusterChange change) => change switch
    {
        MoveChange move => Empty with { Kind = "move", Shard = move.To.Value, Slots = SlotText.Of(move.Slots.Order(), int.MaxValue) },
        RebalanceChange rebalance => Empty with
        {
            Kind = "rebalance",
            By = rebalance.By,
            Threshold = rebalance.Threshold,
            Weights = rebalance.Weights.ToDictionary(each => each.Key.Value, each => each.Value, StringComparer.Ordinal),
        },
        RemoveShardChange remove => Empty with { Kind = "remove-shard", Shard = remove.Shard.Value },
        AddShardChange { Shard: var shard } => Empty with
        {
            Kind = "add-shard",
            Shard = shard.Id.Value,
            Address = shard.Address,
            Weight = shard.Weight,
        },
        _ => throw new ArgumentException($"{change.Command} has no document.", nameof(change)),
    };

    public ClusterChange ToChange() => this switch
    {
        { Kind: "move", Shard: { } to, Slots: { } slots } => new MoveChange(SlotText.Parse(slots)!, new ShardId(to)),
        { Kind: "rebalance", By: { } by, Threshold: { } threshold, Weights: { } weights } =>
            new RebalanceChange(by, threshold, weights.ToDictionary(each => new ShardId(each.Key), each => each.Value)),
        { Kind: "remove-shard", Shard: { } leaving } => new RemoveShardChange(new ShardId(leaving)),
        { Kind: "add-shard", Shard: { } id, Address: { } text, Weight: { } weight } when ShardAddress.TryParse(text) is { } address =>
            new AddShardChange(new Shard(new ShardId(id), address, weight)),
        _ => throw new CommandFailedException(
            ExitCode.Precondition, $"This program does not know plans of this kind: {Kind}.",
            "apply it with the program that made it, or make a new plan"),
    };
}
