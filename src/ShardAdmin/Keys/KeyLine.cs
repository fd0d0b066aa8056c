using System.Globalization;
using ShardAdmin.Output;
using ShardCore.Access;
using Spectre.Console;

namespace ShardAdmin.Keys;

/// <summary>One API key as people and programs read it. Its hash is in no output.</summary>
/// <param name="State">active · expired · revoked · contradicted (shards say different things of it; routers refuse it).</param>
/// <param name="Collections">Null: all.</param>
/// <param name="Partitions">Null: all.</param>
/// <param name="LastUsedAt">To about a minute.</param>
/// <param name="NotIn">Shards that do not have it as the others do.</param>
internal sealed record KeyLine(
    string Id, string Name, string State,
    IReadOnlyList<string> Scopes, IReadOnlyList<string>? Collections, IReadOnlyList<string>? Partitions,
    DateTime CreatedAt, DateTime? ExpiresAt, DateTime? RevokedAt, DateTime? LastUsedAt, IReadOnlyList<string> NotIn)
{
    public static KeyLine Of(ApiKey key, DateTime now, IReadOnlyList<string> notIn) => new(
        key.Id, key.Name, key.StateAt(now), key.Scopes, key.Collections, key.Partitions,
        key.CreatedAt, key.ExpiresAt, key.RevokedAt, key.LastUsedAt, notIn);

    public static IReadOnlyList<KeyLine> All(KeySurvey survey, DateTime now)
    {
        var lacked = survey.ByShard.Keys.ToDictionary(
            shard => shard, shard => survey.LackedBy(shard).Select(key => key.Id).ToHashSet(StringComparer.Ordinal));
        return [.. survey.Keys.Values.OrderBy(key => key.CreatedAt).ThenBy(key => key.Id, StringComparer.Ordinal)
            .Select(key => Of(key, now, [.. lacked.Where(shard => shard.Value.Contains(key.Id)).Select(shard => shard.Key.Value)]))];
    }

    public static Table Table(IEnumerable<KeyLine> lines)
    {
        var table = Tables.New(
            "id", "name", "state", "scopes", "collections", "partitions", "created (UTC)", "expires (UTC)", "last used (UTC)", "not in");
        foreach (var line in lines)
            table.Row(
                line.Id, line.Name, line.State, string.Join(' ', line.Scopes), Listed(line.Collections), Listed(line.Partitions),
                At(line.CreatedAt), At(line.ExpiresAt), At(line.LastUsedAt), line.NotIn.Count == 0 ? null : string.Join(", ", line.NotIn));
        return table;
    }

    /// <summary>A sentence's part: what the key may touch.</summary>
    public string Reach() =>
        $"{string.Join(", ", Scopes)} in {(Collections is null ? "all collections" : "collections " + string.Join(", ", Collections))} "
        + $"and {(Partitions is null ? "all partitions" : "partitions " + string.Join(", ", Partitions))}";

    public static string? At(DateTime? time) => time?.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Listed(IReadOnlyList<string>? names) => names is null ? "all" : string.Join(' ', names);
}
