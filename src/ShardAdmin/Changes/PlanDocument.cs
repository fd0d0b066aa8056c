using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>The document of a plan: <c>plan --out</c> writes it and <c>apply</c> reads it. It is valid for one epoch of the ring.</summary>
/// <param name="Document">Always <see cref="Kind"/>.</param>
/// <param name="Schema">The version of this document.</param>
/// <param name="Epoch">The epoch of the ring that it was made for.</param>
/// <param name="Operation">The id of the operation that carries it out.</param>
/// <param name="Command">The planned command, for people.</param>
/// <param name="Checksum">SHA-256 of the document without this field (<see cref="CheckedDocument"/>).</param>
internal sealed record PlanDocument(
    string Document, int Schema, string Cluster, Guid ClusterId, long Epoch, Guid Operation, string Command, ChangeDocument Change,
    IReadOnlyList<MoveDocument> Moves, IReadOnlyList<ShardBalance> Balance, string PlannedBy, DateTimeOffset PlannedAt, string Checksum)
{
    public static readonly DocumentKind Kind = new("shardadmin-plan", 1, "plan", "shardadmin plan … --out FILE   (anew)");

    public static PlanDocument Of(ShardRing ring, ClusterChange change, MovePlan plan)
    {
        var document = new PlanDocument(
            Kind.Kind, Kind.Schema, ring.Cluster.Name, ring.Cluster.Id, ring.Epoch.Value, plan.Operation, change.Command,
            ChangeDocument.Of(change), MoveDocument.Of(plan), plan.Balance,
            AdminSession.Who, TimeProvider.System.GetUtcNow(), "");
        return document with { Checksum = document.Sum() };
    }

    public string Write() => CheckedDocument.Write(this);

    /// <exception cref="CommandFailedException">Exit 2: the text is not a plan. Exit 4: it is damaged, was edited, or has another
    /// version.</exception>
    public static PlanDocument Read(string text, string file) =>
        CheckedDocument.Read<PlanDocument>(text, file, Kind, document => document.Checksum == document.Sum());

    /// <summary>The moves with the shards of this ring.</summary>
    /// <param name="joining">A shard that is not in the ring yet.</param>
    public MovePlan ToPlan(ShardRing ring, Shard? joining)
    {
        Shard Find(string id) => ring.Find(new ShardId(id)) ?? (joining?.Id.Value == id ? joining : null)
            ?? throw new CommandFailedException(
                ExitCode.Conflict, $"The plan names shard {id}, which is not in the ring.", "shardadmin plan …   (anew)");
        PlannedMove[] moves = [.. Moves.Select(move => new PlannedMove(
            Find(move.From), Find(move.To), [.. SlotText.Parse(move.Slots)!], move.Bytes))];
        return new MovePlan(Operation, moves, Balance);
    }

    private string Sum() => CheckedDocument.SumOf(this with { Checksum = "" });
}

/// <param name="Slots">As people write them: <c>5,7,9-12</c>.</param>
internal sealed record MoveDocument(string From, string To, string Slots, int SlotCount, long Bytes)
{
    public static IReadOnlyList<MoveDocument> Of(MovePlan? plan) =>
        [.. plan?.Moves.Select(move => new MoveDocument(
            move.From.Id.Value, move.To.Id.Value, SlotText.Of(move.Slots, int.MaxValue), move.Slots.Length, move.Bytes)) ?? []];
}
