using System.Text.Json;
using System.Text.Json.Serialization;

namespace Chaos.Recording;

/// <summary>One line of a recording: the beginning or the end of an operation.</summary>
/// <param name="At">The time in microseconds of a monotonic clock since the run began.</param>
/// <param name="Op">The number of the operation, which connects its two lines.</param>
/// <param name="Event">invoke · ok · fail · unknown</param>
internal sealed record HistoryLine(long At, long Op, string Event)
{
    public const string Invoke = "invoke";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter<OperationKind>(JsonNamingPolicy.CamelCase) },
    };

    public OperationKind? Kind { get; init; }

    /// <inheritdoc cref="HistoryOperation.Item"/>
    public string? Item { get; init; }

    /// <inheritdoc cref="HistoryOperation.Value"/>
    public string? Value { get; init; }

    /// <inheritdoc cref="HistoryOperation.Expected"/>
    public long? Expected { get; init; }

    /// <inheritdoc cref="HistoryOperation.TtlSeconds"/>
    public int? TtlSeconds { get; init; }

    /// <inheritdoc cref="HistoryOperation.Version"/>
    public long? Version { get; init; }

    /// <inheritdoc cref="HistoryOperation.IsRefused"/>
    public bool? Refused { get; init; }

    /// <inheritdoc cref="HistoryOperation.Seen"/>
    public IReadOnlyList<string>? Seen { get; init; }

    /// <summary>The route of the request and the status of its answer, for people.</summary>
    public string? Note { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public static HistoryLine Parse(string line) => JsonSerializer.Deserialize<HistoryLine>(line, Json)!;
}
