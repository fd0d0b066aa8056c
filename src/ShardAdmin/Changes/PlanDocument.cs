using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
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
    public const string Kind = "shardadmin-plan";
    public const int CurrentSchema = 1;

    private static readonly JsonSerializerOptions Strict = new(AdminJson.Indented)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public static PlanDocument Of(ShardRing ring, ClusterChange change, MovePlan plan)
    {
        var document = new PlanDocument(
            Kind, CurrentSchema, ring.Cluster.Name, ring.Cluster.Id, ring.Epoch.Value, plan.Operation, change.Command, ChangeDocument.Of(change), MoveDocument.Of(plan), plan.Balance,
            AdminSession.Who, TimeProvider.System.GetUtcNow(), "");
        return document with { Checksum = document.Sum() };
    }

    public string Write() => JsonSerializer.Serialize(this, Strict);

    /// <exception cref="CommandFailedException">Exit 2: no plan at all. Exit 4: damaged, edited, or of a newer program.</exception>
    public static PlanDocument Read(string text, string file)
    {
        RequirePlan(text, file);
        PlanDocument? document;
        try
        {
            document = JsonSerializer.Deserialize<PlanDocument>(text, Strict);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or FormatException)
        {
            throw Damaged(file, $"something is missing in it, or is too much: {e.Message.Split(". Path")[0]}");
        }
        if (document is null || document.Checksum != document.Sum())
            throw Damaged(file, "its checksum does not fit: it was changed after it was made");
        return document;
    }

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

    private static void RequirePlan(string text, string file)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var isPlan = json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("document", out var kind) && kind.ValueKind == JsonValueKind.String && kind.ValueEquals(Kind);
            if (!isPlan)
                throw new CommandFailedException(ExitCode.Usage, $"{file} is no plan.", "shardadmin plan --help");
            if (!json.RootElement.TryGetProperty("schema", out var schema) || !schema.TryGetInt32(out var version))
                throw Damaged(file, "it does not say its version");
            if (version != CurrentSchema)
                throw new CommandFailedException(ExitCode.Precondition, $"The plan {file} has version {version}; this program knows {CurrentSchema}.", "apply it with the program that made it, or plan anew");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(file, $"it is no JSON, or cut off: {e.Message.Split(". LineNumber")[0]}");
        }
    }

    private static CommandFailedException Damaged(string file, string why) => new(ExitCode.Precondition, $"The plan {file} is damaged; {why.TrimEnd('.')}.", "shardadmin plan …   (anew)");

    private string Sum() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(this with { Checksum = "" }, Strict))));
}

/// <param name="Slots">As people write them: <c>5,7,9-12</c>.</param>
internal sealed record MoveDocument(string From, string To, string Slots, int SlotCount, long Bytes)
{
    public static IReadOnlyList<MoveDocument> Of(MovePlan? plan) =>
        [.. plan?.Moves.Select(move => new MoveDocument(move.From.Id.Value, move.To.Id.Value, SlotText.Of(move.Slots, int.MaxValue), move.Slots.Length, move.Bytes)) ?? []];
}
