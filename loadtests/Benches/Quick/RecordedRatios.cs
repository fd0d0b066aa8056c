using System.Text.Json;
using System.Text.Json.Serialization;
using Workbench;

namespace LoadTests.Benches.Quick;

/// <summary>The file with the ratios. It is checked in: a change that makes a ratio much worse has to change this file too.</summary>
internal static class RecordedRatios
{
    public static string File { get; } = Path.Combine(Repository.Root, "loadtests", "recorded-ratios.json");

    /// <exception cref="JsonException">The text is not of such a file.</exception>
    public static IReadOnlyList<RecordedRatio> Parse(string json) =>
        JsonSerializer.Deserialize(json, RecordedRatiosJson.Default.IReadOnlyListRecordedRatio) ?? [];

    /// <summary>The text ends with a line feed, like every file in this repository.</summary>
    public static string Write(IReadOnlyList<RecordedRatio> ratios) =>
        JsonSerializer.Serialize(ratios, RecordedRatiosJson.Default.IReadOnlyListRecordedRatio) + "\n";
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NewLine = "\n")]
[JsonSerializable(typeof(IReadOnlyList<RecordedRatio>))]
internal sealed partial class RecordedRatiosJson : JsonSerializerContext;
