using System.Text.Json.Nodes;
using Fuzz.Contract;

namespace Fuzz.Making;

/// <summary>Makes right requests of the operations in the OpenAPI document.</summary>
/// <param name="key">The API key that requests show; null: the service runs open.</param>
internal sealed class RequestMaker(ApiContract contract, Harvest harvest, string? key)
{
    private const string QueryVerb = ":query";

    private readonly JsonMaker _json = new(contract, harvest);

    public FuzzRequest Make(Chance chance)
    {
        var request = new FuzzRequest(chance.Of(contract.Operations));
        var operation = request.Operation;
        request.Segments.AddRange(operation.Path[1..].Split('/').Select(segment => Fill(segment, chance)));
        foreach (var parameter in operation.Parameters)
            if (parameter.Place == "query" && chance.OneIn(4))
                request.Query.Add(QueryOf(parameter, chance));
            else if (parameter.Place == "header" && chance.OneIn(4))
                request.Headers.Add((parameter.Name, HeaderOf(parameter, chance)));
        if (operation.Path.EndsWith(QueryVerb, StringComparison.Ordinal) && chance.OneIn(3))
            AsQueryMethod(request);
        if (key is not null)
            request.Headers.Add(("Authorization", "Bearer " + key));
        if (operation.Bodies.Count > 0)
            AddBody(request, chance);
        return request;
    }

    /// <summary>The document has no place for that method. It has the answers of the POST.</summary>
    private static void AsQueryMethod(FuzzRequest request)
    {
        request.Method = "QUERY";
        request.Segments[^1] = request.Segments[^1][..^QueryVerb.Length];
        request.Segments.Add("items");
    }

    private void AddBody(FuzzRequest request, Chance chance)
    {
        var (mediaType, schema) = chance.Of(request.Operation.Bodies);
        request.Headers.Add(("Content-Type", mediaType));
        request.IsChunked = chance.OneIn(6);
        var body = _json.Make(schema, chance);
        if (chance.OneIn(3))
            body = JsonSpoiler.Spoil(body, chance);
        request.Body = JsonSpoiler.Write(body);
    }

    private static string Fill(string segment, Chance chance) => segment
        .Replace("{collection}", chance.Of(JsonMaker.Collections), StringComparison.Ordinal)
        .Replace("{index}", chance.Of(JsonMaker.Indexes), StringComparison.Ordinal)
        .Replace("{pk}", JsonMaker.Key(chance), StringComparison.Ordinal)
        .Replace("{id}", JsonMaker.Key(chance), StringComparison.Ordinal);

    private (string Name, string Value) QueryOf(ApiParameter parameter, Chance chance) => parameter.Name switch
    {
        "filters" => (
            "f." + chance.Of<string>(["a", "b.0", "n", "/a~1b"]),
            chance.Of<string>(["eq", "ne", "gt", "gte", "lt", "lte", "in", "prefix", "contains", "exists"]) + "." + chance.Of<string>(["1", "a", "true", "%22a%22,b"])),
        "cursor" => ("cursor", harvest.Cursor(chance)),
        "segment" => ("segment", chance.Of<string>(["1/1", "1/2", "2/2", "7/8", "3/16384"])),
        "select" => ("select", chance.Of<string>(["a", "a,b.0", "/a,/b/c", "n"])),
        _ => (parameter.Name, Uri.EscapeDataString(PlainText(_json.Make(parameter.Schema, chance, parameter.Name)))),
    };

    private string HeaderOf(ApiParameter parameter, Chance chance) => parameter.Name switch
    {
        "If-Match" or "If-None-Match" => chance.OneIn(3) ? "*" : harvest.ETag(chance),
        "Session-Token" => harvest.Token(chance),
        "Request-Timeout" => chance.Of<string>(["5", "0.001", "30", "2.5", "1"]),
        "Prefer" => chance.Of<string>(["return=representation", "shard-route", "return=minimal"]),
        _ => PlainText(_json.Make(parameter.Schema, chance, parameter.Name)),
    };

    private static string PlainText(JsonNode? value) => value is JsonValue text && text.TryGetValue<string>(out var plain) ? plain : value?.ToJsonString() ?? "";

    /// <summary>A segment for a key, of a length near a limit.</summary>
    public static string LongSegment(Chance chance) =>
        string.Concat(Enumerable.Repeat(chance.Of<string>(["a", "%C3%A9", "%20"]), chance.Length()));
}
