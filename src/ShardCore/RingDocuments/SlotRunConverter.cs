using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShardCore.RingDocuments;

internal sealed class SlotRunConverter : JsonConverter<SlotRunDocument>
{
    /// <summary>True, because a null would otherwise bypass this converter and end up among the runs.</summary>
    public override bool HandleNull => true;

    public override SlotRunDocument Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Expect(reader.TokenType == JsonTokenType.StartArray);
        Expect(reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _));
        var first = reader.GetInt32();
        Expect(reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _));
        var last = reader.GetInt32();
        Expect(reader.Read() && reader.TokenType == JsonTokenType.String);
        var shard = reader.GetString()!;
        Expect(reader.Read() && reader.TokenType == JsonTokenType.EndArray);
        return new SlotRunDocument(first, last, shard);
    }

    public override void Write(Utf8JsonWriter writer, SlotRunDocument value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(value.First);
        writer.WriteNumberValue(value.Last);
        writer.WriteStringValue(value.Shard);
        writer.WriteEndArray();
    }

    private static void Expect(bool holds)
    {
        if (!holds)
            throw new JsonException("A slot run is written [first, last, \"shard\"].");
    }
}
