using System.Text;
using ShardRouter.Documents;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.BadInput;

/// <summary>What Postgres prints of a document is limited, and the router knows beforehand how much that is.</summary>
public sealed class PrintedSizeTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly string[] Numbers =
    [
        "0", "-0", "0.0", "-0.0", "0e5", "0.00e5", "0e-3", "1", "-1", "10", "1.50", "-1.5e1", "1.50e1", "1e3", "1E+3", "1e-3", "100e-2", "0.001e5", "0.001e2", "0.001e-2", "-0.5", "12.34e1",
        "12.34e2", "12.34e5", "12.34e-5", "1e399", "1e-399", "9007199254740993", "5e0",
    ];

    private static readonly string[] Texts =
    [
        "", "plain", "é😀", "\\u00e9\\ud83d\\ude00", "\\/", "/", "\\\"", "\\\\", "\\b\\f\\n\\r\\t", "\\u0001\\u001f", "\\u0008\\u0009", "\\u0041", "\u007f", "\\u007f",
    ];

    [Fact]
    public async Task The_size_is_what_Postgres_prints()
    {
        var documents = Numbers.Select(number => $$"""{"n":{{number}},"a":[{{number}}, {{number}}]}""")
            .Concat(Texts.Select(text => $$"""{"{{text}}":"{{text}}","a":[{},[],{"b":null},true,false,[[1]]]}"""))
            .Append("{}").Append(" { \"a\" : [ ] } ").Append(BadDocuments.Nested(64));
        foreach (var document in documents.Concat(Enumerable.Range(0, 200).Select(seed => RandomDocument(new Random(seed), 0))))
        {
            await using var command = Cluster.Shards[0].Database.DataSource.CreateCommand("select octet_length($1::jsonb::text)");
            command.Parameters.AddWithValue(document);

            Assert.True((int)(await command.ExecuteScalarAsync())! == DocumentRules.PrintedSize(Encoding.UTF8.GetBytes(document)), document);
        }
    }

    [Fact]
    public async Task A_document_of_the_limit_is_stored_however_it_comes_and_a_larger_one_is_not()
    {
        var largest = Document(DocumentRules.MaxPrintedBytes);
        var larger = Document(DocumentRules.MaxPrintedBytes + 1);

        Assert.Equal(DocumentRules.MaxPrintedBytes, (await PutAsync(largest, "put")).Body.Length);
        (await Items.PutAsync("p", "patched", "{}")).Expect(201);
        (await Items.MergePatchAsync("p", "patched", largest)).Expect(200);

        var refused = (await Items.PutAsync("p", "x", larger)).ExpectProblem(413, "too-large");
        Assert.Contains("2097153 bytes", refused.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        (await Items.PostAsync("p", larger)).ExpectProblem(413, "too-large");
        (await Items.MergePatchAsync("p", "patched", larger)).ExpectProblem(413, "too-large");
        (await Items.JsonPatchAsync("p", "patched", $$"""[{"op":"add","path":"","value":{{larger}}}]""")).ExpectProblem(413, "too-large");
        (await Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"p","id":"x","doc":{{larger}}}]}""")).ExpectProblem(413, "too-large");
        (await Items.MergePatchAsync("p", "patched", """{"b":1}""")).ExpectProblem(422, "invalid-patch");
        (await Items.GetAsync("p", "x")).Expect(404);
    }

    [Fact]
    public async Task A_megabyte_that_would_become_sixty_eight_is_refused()
    {
        var document = $$"""{"v":[{{string.Join(',', Enumerable.Repeat("1e399", 170_000))}}]}""";

        (await Items.PutAsync("p", "x", document)).ExpectProblem(413, "too-large");
    }

    private async Task<ApiReply> PutAsync(string document, string id)
    {
        (await Items.PutAsync("p", id, document)).Expect(201);
        return (await Items.GetAsync("p", id)).Expect(200);
    }

    /// <summary>{"a": [1000…0, …], "t": "…"}, printed in so many bytes.</summary>
    private static string Document(int printed)
    {
        const int numbers = 5000;
        var list = string.Join(',', Enumerable.Repeat("1e399", numbers));
        var rest = printed - (int)DocumentRules.PrintedSize(Encoding.UTF8.GetBytes($$"""{"a":[{{list}}],"t":""}"""));
        return $$"""{"a":[{{list}}],"t":"{{new string('x', rest)}}"}""";
    }

    private static string RandomDocument(Random random, int depth)
    {
        var members = Enumerable.Range(0, random.Next(5)).Select(i => $"\"{i}{Texts[random.Next(Texts.Length)]}\":{RandomValue(random, depth)}");
        return "{" + string.Join(random.Next(2) == 0 ? "," : " ,\n", members) + "}";
    }

    private static string RandomValue(Random random, int depth) => random.Next(depth < 4 ? 6 : 4) switch
    {
        0 => Numbers[random.Next(Numbers.Length)],
        1 => "\"" + Texts[random.Next(Texts.Length)] + "\"",
        2 => "null",
        3 => "true",
        4 => "[" + string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(_ => RandomValue(random, depth + 1))) + "]",
        _ => RandomDocument(random, depth + 1),
    };
}
