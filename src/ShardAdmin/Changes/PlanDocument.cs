using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>A plan as <c>plan --out</c> writes it and <c>apply</c> reads it. It pins the ring's epoch.</summary>
/// <param name="Document">Always <see cref="Kind"/>.</param>
/// <param name="Schema">Of this document.</param>
/// <param name="Epoch">Of the ring that it was made for.</param>
/// <param name="Operation">The id that its moves get.</param>
/// <param name="Command">What was planned, for people.</param>
/// <param name="Checksum">SHA-256 of the document without it, so that formatting it anew does no harm and editing it does.</param>
internal sealed record PlanDocument(
    string Document, int Schema, string Cluster, Guid ClusterId, long Epoch, Guid Operation, string Command, ChangeDocument Change, IReadOnlyList<MoveDocument> Moves,
    IReadOnlyList<ShardBalance> Balance, string PlannedBy, DateTimeOffset PlannedAt, string Checksum)
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

    /// <exception cref="CommandFailedException">Exit 2: no plan at all. Exit 4: damaged, edited, or of another version.</exception>
    public static PlanDocument Read(string text, string file) =>
        CheckedDocument.Read<PlanDocument>(text, file, Kind, document => document.Checksum == document.Sum());

    /// <summary>The moves with the shards of this ring.</summary>
    /// <param name="joining">A shard that is not in the ring yet.</param>
    public MovePlan ToPlan(ShardRing ring, Shard? joining)
    {
        Shard Find(string id) => ring.Find(new ShardId(id)) ?? (joining?.Id.Value == id ? joining : null)
            ?? throw new CommandFailedException(ExitCode.Conflict, $"The plan names shard {id}, which is not in the ring.", "shardadmin plan …   (anew)");
        return new MovePlan(Operation, [.. Moves.Select(move => new PlannedMove(Find(move.From), Find(move.To), [.. SlotText.Parse(move.Slots)!], move.Bytes))], Balance);
    }

    /// <exception cref="CommandFailedException">The ring has another epoch than the plan was made for.</exception>
    public static void RequireEpoch(ShardRing ring, Epoch? pinned)
    {
        if (pinned is { } epoch && ring.Epoch != epoch)
            throw new CommandFailedException(new Failure(
                ExitCode.Conflict, $"The plan is stale: it was made for epoch {epoch} of the ring, which has epoch {ring.Epoch} now.", "Nothing was changed.", "shardadmin plan …   (anew)"));
    }

    private string Sum() => CheckedDocument.SumOf(this with { Checksum = "" });
}

/// <param name="Slots">As people write them: <c>5,7,9-12</c>.</param>
internal sealed record MoveDocument(string From, string To, string Slots, int SlotCount, long Bytes)
{
    public static IReadOnlyList<MoveDocument> Of(MovePlan? plan) =>
        [.. plan?.Moves.Select(move => new MoveDocument(move.From.Id.Value, move.To.Id.Value, SlotText.Of(move.Slots, int.MaxValue), move.Slots.Length, move.Bytes)) ?? []];
}
