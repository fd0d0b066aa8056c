using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.BadInput;

/// <summary>What is just within the limits is stored and comes back whole.</summary>
public sealed class DocumentLimitTests(RouterFixture fixture) : RouterTests(fixture)
{
    public static TheoryData<string, string> AtTheLimit => new()
    {
        { "nested 64 deep", BadDocuments.Nested(64) },
        { "400 digits", $$"""{"a":{{new string('9', 400)}} }""" },
        { "399 zeros by exponent", """{"a":1e399}""" },
        { "a small fraction", """{"a":1e-399}""" },
        { "a surrogate pair", """{"a":"\ud83d\ude00","\uD83D\uDE00":1}""" },
        { "names that differ in case", """{"a":1,"A":2}""" },
        { "one name on two levels", """{"a":{"a":{"a":1} } }""" },
        { "blanks around", " \n\t{} \r\n" },
        { "1,000 members", $$"""{ {{string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"m{i}\":{i}"))}} }""" },
    };

    [Theory]
    [MemberData(nameof(AtTheLimit))]
    public async Task What_is_within_the_limits_is_stored(string what, string document)
    {
        (await Items.PutAsync("p", "x", document)).Expect(201);
        (await Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"p","id":"y","doc":{{document}} }]}""")).Expect(200);

        Assert.NotEmpty(what);
        foreach (var id in new[] { "x", "y" })
            Assert.Equal(Normal(document), Normal((await Items.GetAsync("p", id)).Expect(200).Text));
    }

    /// <summary>Numbers written out and names in one order, which is as jsonb keeps them.</summary>
    private static string Normal(string json) =>
        System.Text.Json.JsonSerializer.Serialize(Sorted(System.Text.Json.JsonElement.Parse(json, new System.Text.Json.JsonDocumentOptions { MaxDepth = 64 })));

    private static object? Sorted(System.Text.Json.JsonElement element) => element.ValueKind switch
    {
        System.Text.Json.JsonValueKind.Object => element.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).ToDictionary(member => member.Name, member => Sorted(member.Value)),
        System.Text.Json.JsonValueKind.String => "text " + element.GetString(),
        System.Text.Json.JsonValueKind.Number => WrittenOut(element.GetRawText()),
        _ => element.GetRawText(),
    };

    private static string WrittenOut(string number)
    {
        var parts = number.Split('e');
        var exponent = parts.Length == 1 ? 0 : int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
        return exponent >= 0 ? parts[0] + new string('0', exponent) : "0." + new string('0', -exponent - 1) + parts[0];
    }
}
