using System.Globalization;
using System.Text.Json;
using ShardCore.Ring;
using ShardRouter.Configuration;
using ShardRouter.Http;
using ShardRouter.Rings;

namespace ShardRouter.Queries;

/// <summary>Says which shards a query asked, and why these.</summary>
internal sealed class QueryRoute(RouterOptions options, RingHolder holder)
{
    /// <summary>Sets the header Shard-Route, if the caller asks for it.</summary>
    public void Describe(HttpContext context, IReadOnlyList<ShardId> shards)
    {
        if (Preferences.Has(context.Request.Headers, "shard-route", ""))
            context.Response.Headers["Shard-Route"] = string.Create(
                CultureInfo.InvariantCulture,
                $"shards={string.Join(',', shards)};epoch={holder.Current?.Epoch.Value ?? 0};router={options.RouterId}");
    }

    /// <summary>Writes <c>"fanOut"</c> and, if shards are missing, <c>"incomplete"</c> into the object that is open.</summary>
    /// <param name="index">The index that served the query.</param>
    /// <param name="isBySlot">Only the owners of some slots were asked.</param>
    public static void Write(
        Utf8JsonWriter json, ItemSelection items, IndexUse? index, IReadOnlyList<ShardId> shards, IReadOnlyList<ShardId> incomplete,
        bool isBySlot = false)
    {
        if (incomplete.Count > 0)
            WriteShards(json, "incomplete", incomplete);
        json.WriteStartObject("fanOut");
        WriteShards(json, "shards", shards);
        json.WriteString("reason", items.PartitionKey is not null ? "A partition is named, so its shard was asked."
            : items.IsOfNamedPartitions ? "The caller may see certain partitions only, so their shards were asked."
            : isBySlot ? "The items come by slot, so the owners of the next slots were asked."
            : "No partition is named, so every shard was asked.");
        if (items.PartitionKey is null)
            json.WriteString("index", index?.Index.Name); // null: the shards looked at the items themselves
        json.WriteBoolean("complete", incomplete.Count == 0);
        json.WriteEndObject();
    }

    private static void WriteShards(Utf8JsonWriter json, string name, IReadOnlyList<ShardId> shards)
    {
        json.WriteStartArray(name);
        foreach (var shard in shards)
            json.WriteStringValue(shard.Value);
        json.WriteEndArray();
    }
}
