using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using NpgsqlTypes;

namespace ShardCore.Shards.History;

/// <summary>A place in the log (WAL) of a server: all that was committed before it is there.</summary>
/// <param name="System">The system identifier, which <c>initdb</c> gives a server and its standbys and copies share.</param>
/// <param name="Timeline">A promoted standby, or a server restored to a point in time, begins a new one.</param>
[JsonConverter(typeof(ShardPositionConverter))]
public sealed record ShardPosition(string System, uint Timeline, NpgsqlLogSequenceNumber Lsn)
{
    /// <summary>For two positions of which the later one's history contains the other.</summary>
    public bool IsAfter(ShardPosition other) => Timeline != other.Timeline ? Timeline > other.Timeline : Lsn > other.Lsn;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{System} {Timeline} {Lsn}");

    /// <param name="text">As <see cref="ToString"/> writes it.</param>
    public static ShardPosition? TryParse(string? text) =>
        text?.Split(' ') is [{ Length: > 0 } system, var timeline, var lsn]
        && uint.TryParse(timeline, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && NpgsqlLogSequenceNumber.TryParse(lsn, out var parsed)
            ? new ShardPosition(system, number, parsed)
            : null;
}

internal sealed class ShardPositionConverter : JsonConverter<ShardPosition>
{
    public override ShardPosition Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        ShardPosition.TryParse(reader.TokenType == JsonTokenType.String ? reader.GetString() : null)
        ?? throw new JsonException("This is no position.");

    public override void Write(Utf8JsonWriter writer, ShardPosition value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
