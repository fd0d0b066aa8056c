using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using NpgsqlTypes;

namespace ShardCore.Shards.Failover;

/// <summary>A place in the log (WAL) of a server. Everything that was committed before it is there.</summary>
/// <param name="System">The system identifier. <c>initdb</c> gives it to a server, and its standbys and copies have the same one.</param>
/// <param name="Timeline">A promoted standby begins a new timeline, and so does a server that was restored to a point in time.</param>
[JsonConverter(typeof(ShardPositionConverter))]
public sealed record ShardPosition(string System, uint Timeline, NpgsqlLogSequenceNumber Lsn)
{
    /// <summary>Use this only for two positions of one history: the later one's history contains the other.</summary>
    public bool IsAfter(ShardPosition other) => Timeline != other.Timeline ? Timeline > other.Timeline : Lsn > other.Lsn;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{System} {Timeline} {Lsn}");

    /// <param name="text">In the form that <see cref="ToString"/> writes.</param>
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
