using System.Text.Json;
using ShardCore.Ring;

namespace ShardRouter.Indexes;

/// <summary>An index over all shards.</summary>
/// <param name="Shards">What each shard has of it; null: nothing.</param>
internal sealed record IndexStatus(IReadOnlyList<(ShardId Shard, IndexDefinition? Index)> Shards)
{
    public IndexDefinition? First => Shards.Select(each => each.Index).FirstOrDefault(each => each is not null);

    private IndexState State =>
        Has(IndexState.Dropping) ? IndexState.Dropping
        : Has(IndexState.Failed) ? IndexState.Failed
        : Shards.All(each => each.Index?.State == IndexState.Ready) ? IndexState.Ready
        : IndexState.Building;

    public bool IsReady => State == IndexState.Ready;

    /// <summary>Nothing is left to be built: the shards had no items.</summary>
    public bool IsBuilt => Shards.All(each => each.Index is { IsValid: true, State: IndexState.Built or IndexState.Ready });

    public void Write(Utf8JsonWriter json)
    {
        var index = First!;
        json.WriteStartObject();
        json.WriteString("name", index.Name);
        json.WriteStartArray("fields");
        foreach (var field in index.Fields)
        {
            json.WriteStartObject();
            json.WriteString("path", field.Path);
            if (field.Type is not null)
                json.WriteString("type", field.Type);
            json.WriteString("dir", field.Descending ? "desc" : "asc");
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (index.IsUnique)
            json.WriteString("unique", "partition");
        else
            json.WriteBoolean("unique", false);
        json.WriteString("createdAt", index.CreatedAt);
        json.WriteString("state", NameOf(State));
        json.WriteNumber("progress", Math.Round(Shards.Average(each => each.Index?.Progress ?? 0), 3));
        if (Shards.Select(each => each.Index?.Problem).FirstOrDefault(each => each is not null) is { } problem)
            json.WriteString("problem", problem);
        json.WriteStartArray("shards");
        foreach (var (shard, here) in Shards)
        {
            json.WriteStartObject();
            json.WriteString("shard", shard.Value);
            json.WriteString("state", here is null ? "missing" : NameOf(here.State));
            json.WriteNumber("progress", Math.Round(here?.Progress ?? 0, 3));
            if (here?.Problem is { } own)
                json.WriteString("problem", own);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private bool Has(IndexState state) => Shards.Any(each => each.Index?.State == state);

    private static string NameOf(IndexState state) => state switch
    {
        IndexState.Building => "building",
        IndexState.Built => "built",
        IndexState.Ready => "ready",
        IndexState.Failed => "failed",
        _ => "dropping",
    };
}
