using System.Text.Json;
using Workbench;

namespace Fuzz.Contract;

/// <summary>The API's OpenAPI document, as far as requests are made from it and answers are compared with it.</summary>
internal sealed class ApiContract
{
    private readonly JsonElement _root;

    private ApiContract(JsonElement root)
    {
        _root = root;
        Operations = [.. root.GetProperty("paths").EnumerateObject().SelectMany(OperationsOf)];
        Codes = root.GetProperty("components").GetProperty("schemas").GetProperty("Problem").GetProperty("properties")
            .GetProperty("code").GetProperty("enum").EnumerateArray().Select(code => code.GetString()!).ToHashSet(StringComparer.Ordinal);
    }

    public IReadOnlyList<ApiOperation> Operations { get; }

    /// <summary>The codes that a problem may have.</summary>
    public IReadOnlySet<string> Codes { get; }

    /// <summary>The document of this checkout.</summary>
    public static ApiContract Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "src", "ShardRouter", "openapi.json")));
        return new ApiContract(document.RootElement.Clone());
    }

    /// <summary>What a reference stands for; anything else stands for itself.</summary>
    public JsonElement Resolve(JsonElement element)
    {
        while (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("$ref", out var reference))
            element = reference.GetString()!["#/".Length..].Split('/').Aggregate(_root, (at, name) => at.GetProperty(name));
        return element;
    }

    private IEnumerable<ApiOperation> OperationsOf(JsonProperty path)
    {
        var shared = ParametersOf(path.Value);
        foreach (var method in path.Value.EnumerateObject().Where(member => member.Name is not ("parameters" or "summary" or "description")))
            yield return new ApiOperation(
                method.Name.ToUpperInvariant(), path.Name, [.. shared, .. ParametersOf(method.Value)], BodiesOf(method.Value),
                method.Value.GetProperty("responses").EnumerateObject().Select(answer => answer.Name).ToHashSet(StringComparer.Ordinal));
    }

    private ApiParameter[] ParametersOf(JsonElement owner) => !owner.TryGetProperty("parameters", out var all) ? [] :
    [
        .. all.EnumerateArray().Select(Resolve).Select(each => new ApiParameter(
            each.GetProperty("name").GetString()!, each.GetProperty("in").GetString()!, each.GetProperty("schema"),
            each.TryGetProperty("example", out var example) ? example : null)),
    ];

    private static (string MediaType, JsonElement Schema)[] BodiesOf(JsonElement operation) =>
        !operation.TryGetProperty("requestBody", out var body) ? [] :
        [.. body.GetProperty("content").EnumerateObject().Select(content => (content.Name, content.Value.GetProperty("schema")))];
}

/// <param name="Path">With its parameters in braces.</param>
/// <param name="Statuses">The documented ones, as text.</param>
internal sealed record ApiOperation(
    string Method, string Path, IReadOnlyList<ApiParameter> Parameters, IReadOnlyList<(string MediaType, JsonElement Schema)> Bodies,
    IReadOnlySet<string> Statuses);

/// <param name="Place">path, query or header.</param>
internal sealed record ApiParameter(string Name, string Place, JsonElement Schema, JsonElement? Example);
