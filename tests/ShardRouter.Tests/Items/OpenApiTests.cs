using System.Text.Json;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

/// <summary>The written contract beside the routes that there are.</summary>
public sealed class OpenApiTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly string[] Methods = ["get", "put", "patch", "delete", "post"];

    [Fact]
    public async Task Every_route_is_described_and_everything_described_is_a_route()
    {
        var paths = (await Api.GetAsync("/openapi/v1.json")).Expect(200).Json.GetProperty("paths").EnumerateObject().ToArray();
        Assert.NotEmpty(paths);
        foreach (var path in paths)
        {
            var described = Methods.Where(method => path.Value.TryGetProperty(method, out _)).Select(method => method.ToUpperInvariant()).ToArray();
            foreach (var method in Methods.Select(method => method.ToUpperInvariant()))
            {
                var reply = await Api.SendAsync(method, AddressOf(path), null);
                Assert.True(reply.Code != "route-not-found", $"{method} {path.Name}: {reply}");
                Assert.True((reply.Status != 405) == described.Contains(method), $"{method} {path.Name} is {(described.Contains(method) ? "" : "not ")}described: {reply}");
                if (reply.Status == 405)
                {
                    var allowed = reply["Allow"]!.Split(',', StringSplitOptions.TrimEntries).Where(each => each is not ("HEAD" or "QUERY"));
                    Assert.True(
                        described.Order(StringComparer.Ordinal).SequenceEqual(allowed.Order(StringComparer.Ordinal)),
                        $"{method} {path.Name} allows {reply["Allow"]}");
                }
            }
        }
    }

    [Fact]
    public async Task A_method_that_no_operation_can_describe_is_told_in_words()
    {
        var paths = (await Api.GetAsync("/openapi/v1.json")).Expect(200).Json.GetProperty("paths").EnumerateObject().ToArray();
        foreach (var path in paths)
        {
            var allowed = (await Api.SendAsync("NONE", AddressOf(path), null)).ExpectProblem(405, "method-not-allowed")["Allow"]!.Split(", ");
            var isTold = path.Value.TryGetProperty("description", out var description) && description.GetString()!.Contains("`QUERY`", StringComparison.Ordinal);
            Assert.True(allowed.Contains("QUERY") == isTold, $"{path.Name} allows {string.Join(", ", allowed)}");
        }
    }

    [Fact]
    public async Task Every_reference_leads_somewhere_and_every_operation_says_how_it_can_fail()
    {
        var document = (await Api.GetAsync("/openapi/v1.json")).Expect(200).Json;

        Assert.StartsWith("3.", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.All(References(document), reference => Assert.True(Resolves(document, reference), $"{reference} leads nowhere."));
        foreach (var operation in document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Where(member => Methods.Contains(member.Name)))
            Assert.NotEmpty(operation.Value.GetProperty("responses").EnumerateObject());
    }

    [Fact]
    public async Task No_object_of_the_document_has_a_name_twice()
    {
        var text = (await Api.GetAsync("/openapi/v1.json")).Expect(200).Text;

        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false }); // which of the two counts, each reader decides
        Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
    }

    private string AddressOf(JsonProperty path) => path.Name
        .Replace("{collection}", Items.Name, StringComparison.Ordinal).Replace("{pk}", "p", StringComparison.Ordinal).Replace("{id}", "i", StringComparison.Ordinal);

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => member is { Name: "$ref", Value.ValueKind: JsonValueKind.String } ? [member.Value.GetString()!] : References(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };

    private static bool Resolves(JsonElement document, string reference)
    {
        var here = document;
        foreach (var part in reference.TrimStart('#', '/').Split('/'))
            if (here.ValueKind != JsonValueKind.Object || !here.TryGetProperty(part, out here))
                return false;
        return true;
    }
}
