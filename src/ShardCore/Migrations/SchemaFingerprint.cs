using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ShardCore.Migrations;

/// <summary>
/// The state of the schema <c>sharding</c>: each object (a table, column, constraint, index, function or trigger) with the SHA-256 of its
/// definition. So a difference can be named, and not only noticed.
/// </summary>
internal sealed class SchemaFingerprint
{
    private readonly SortedDictionary<string, string> _hashByObject;

    private SchemaFingerprint(SortedDictionary<string, string> hashByObject) => _hashByObject = hashByObject;

    public string Sha256 => Hash(string.Concat(_hashByObject.Select(pair => $"{pair.Key}\t{pair.Value}\n")));

    public static SchemaFingerprint Of(IEnumerable<(string Object, string Definition)> objects)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, definition) in objects)
            hashes[name] = Hash(definition);
        return new SchemaFingerprint(hashes);
    }

    public static SchemaFingerprint FromJson(string json) =>
        new(new SortedDictionary<string, string>(JsonSerializer.Deserialize<Dictionary<string, string>>(json)!, StringComparer.Ordinal));

    public string ToJson() => JsonSerializer.Serialize(_hashByObject);

    /// <returns>The objects that differ now, in order, each with the kind of difference. Empty: nothing differs.</returns>
    public IReadOnlyList<string> DifferencesIn(SchemaFingerprint now) =>
        [.. _hashByObject.Keys.Union(now._hashByObject.Keys, StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(name => (Name: name, Before: _hashByObject.GetValueOrDefault(name), Now: now._hashByObject.GetValueOrDefault(name)))
            .Where(pair => pair.Before != pair.Now)
            .Select(pair => pair.Before is null ? $"{pair.Name} (added)"
                : pair.Now is null ? $"{pair.Name} (missing)"
                : $"{pair.Name} (changed)")];

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
