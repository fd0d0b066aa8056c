using System.Text.Json;
using System.Text.Json.Serialization;
using LoadTests.Cluster;

namespace LoadTests.Benches.Quick;

/// <summary>The file that keeps the ratios, checked in: a change that makes one much worse has to say so by changing it.</summary>
internal static class RecordedRatios
{
    public static string File { get; } = Path.Combine(Repository.Root, "loadtests", "recorded-ratios.json");

    /// <exception cref="JsonException">It is not such a file.</exception>
    public static IReadOnlyList<RecordedRatio> Parse(string json) =>
        JsonSerializer.Deserialize(json, RecordedRatiosJson.Default.IReadOnlyListRecordedRatio) ?? [];

    /// <summary>A line feed at the end, as every file here has it.</summary>
    public static string Write(IReadOnlyList<RecordedRatio> ratios) =>
        JsonSerializer.Serialize(ratios, RecordedRatiosJson.Default.IReadOnlyListRecordedRatio) + "\n";
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NewLine = "\n")]
[JsonSerializable(typeof(IReadOnlyList<RecordedRatio>))]
internal sealed partial class RecordedRatiosJson : JsonSerializerContext;
