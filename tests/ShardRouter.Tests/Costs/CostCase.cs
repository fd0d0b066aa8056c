using TestCluster;

namespace ShardRouter.Tests.Costs;

/// <summary>A kind of request that can be made twice, four and eight times as large; eight times is close to the limits.</summary>
/// <param name="Prepare">Makes what the request finds; not measured.</param>
internal sealed record CostCase(string Name, Func<ApiCollection, int, Task> Prepare, Func<ApiCollection, int, Task<ApiReply>> Send)
{
    public static CostCase[] All =>
    [
        Put("PUT, many fields", size => Fields(8_000 * size)),
        Put("PUT, many small objects", size => $$"""{"a":[{{Many(12_000 * size, _ => """{"a":1}""")}}]}"""),
        Put("PUT, a large object and many small ones", size => $$"""{"o":{{Fields(4_000 * size)}},"a":[{{Many(8_000 * size, _ => """{"a":1}""")}}]}"""),
        Put("PUT, names that begin alike", size => $$"""{{{Many(500 * size, i => $"\"{new string('n', 200)}{i:000000}\":1")}}}"""),
        Put("PUT, many numbers", size => $$"""{"a":[{{Many(16_000 * size, _ => "1.5e3")}}]}"""),
        Put("PUT, numbers of many digits", size => $$"""{"a":[{{Many(600 * size, _ => "1e399")}}]}"""),
        Put("PUT, one long text", size => $$"""{"a":"{{string.Concat(Enumerable.Repeat("\\u00e9\\n", 14_000 * size))}}"}"""),
        Put("PUT, deep nesting", size => $$"""{"a":[{{Many(300 * size, _ => Nested(60))}}]}"""),
        Patch("merge patch, many fields", size => Fields(6_000 * size), size => Fields(6_000 * size, from: 3_000 * size)),
        Patch("merge patch, many objects", size => Objects(1_200 * size), size => Objects(1_200 * size)),
        Patch("merge patch, deep below", size => Nested(60, Fields(6_000 * size)), _ => Nested(60, """{"new":1}""")),
        Patch("merge patch, a field of a large document", size => Fields(8_000 * size), _ => """{"new":1}"""),
        JsonPatch("JSON Patch, many operations", "/number", _ => Fields(100), size => 100 * size),
        JsonPatch("JSON Patch, a large document", "/list/0", size => $$"""{"list":[{{Many(1_000 * size, _ => OneHundred)}}]}""", _ => 15),
        Transaction("increment, a large document", size => Fields(8_000 * size), _ => 1),
        Transaction("increments, many in one transaction", _ => Fields(1_000), size => 12 * size),
        new("increment, many paths", (items, size) => PutAsync(items, Fields(900 * size)), (items, size) => items.IncrementAsync(
            "p", "x", $$"""{"increments":[{{Many(11 * size, i => $$"""{"path":"{{Path}}{{i}}","by":1,"min":0,"max":9}""")}}]}""")),
        new("increment, many digits", (items, _) => PutAsync(items, "{}"), (items, size) => items.IncrementAsync(
            "p", "x", $$"""{"increments":[{{Many(12 * size, i => $$"""{"path":"n{{i}}","by":1e399,"min":-1e399,"max":9e399}""")}}]}""")),
        new("list, fifty fields of large documents", (items, size) => PutDocumentsAsync(items, 4, Fields(5_000 * size)), (items, size) => items.ListAsync(
            "p", "select=" + string.Join(',', Enumerable.Range(0, 50).Select(i => $"k{i * 100 * size:000000}")))),
        new("list, a filter that keeps nothing", (items, size) => PutDocumentsAsync(items, 1_000 * size, """{"a":{"b":1}}"""), (items, _) => items.ListAsync("p", "f.a.b=eq.2")),
        new("batchWrite, large objects and small ones", Nothing, (items, size) => items.BatchWriteAsync(
            $$"""{"ops":[{{Many(20, i => $$"""{"op":"put","pk":"p","id":"{{i}}","doc":{"o":{{Fields(900 * size)}},"a":[{{Many(1_500 * size, _ => "{}")}}]} }""")}}]}""")),
        new("batchGet", (items, size) => PutDocumentsAsync(items, 50, Fields(800 * size)), (items, _) => items.BatchGetAsync(
            $$"""{"keys":[{{Many(50, i => $$"""{"pk":"p","id":"{{i:000000}}"}""")}}]}""")),
    ];

    /// <summary>The same members in two orders.</summary>
    public static readonly CostCase LargeFirst = Put("large first", _ => $$"""{"o":{{Fields(40_000)}},"s":[{{SmallObjects}}]}""");
    public static readonly CostCase SmallFirst = Put("small first", _ => $$"""{"s":[{{SmallObjects}}],"t":{{Fields(40_000)}}}""");

    private static string SmallObjects => Many(62_000, _ => """{"a":1}""");

    private static CostCase Put(string name, Func<int, string> document) => new(name, Nothing, (items, size) => items.PutAsync("p", "x", document(size)));

    private static CostCase Patch(string name, Func<int, string> document, Func<int, string> patch) =>
        new(name, (items, size) => PutAsync(items, document(size)), (items, size) => items.MergePatchAsync("p", "x", patch(size)));

    private static CostCase JsonPatch(string name, string path, Func<int, string> document, Func<int, int> operations) =>
        new(name, (items, size) => PutAsync(items, document(size)), (items, size) => items.JsonPatchAsync(
            "p", "x", $"[{Many(operations(size), i => $$"""{"op":"add","path":"{{path}}","value":{{i}}}""")}]"));

    private static CostCase Transaction(string name, Func<int, string> document, Func<int, int> increments) =>
        new(name, (items, size) => PutAsync(items, document(size)), (items, size) => items.Api.PostAsync(
            "/v1:transact", $$"""{"pk":"p","ops":[{{Many(increments(size), _ => $$"""{"op":"increment","collection":"{{items.Name}}","id":"x","path":"{{Path}}","by":1}""")}}]}"""));

    private const string Path = "new.a.b.c.d.e.f.g.h";

    private static readonly string OneHundred = "\"" + new string('x', 100) + "\"";

    private static Task Nothing(ApiCollection items, int size) => Task.CompletedTask;

    private static async Task PutAsync(ApiCollection items, string document)
    {
        var reply = await items.PutAsync("p", "x", document);
        Assert.True(reply.Status is 200 or 201, reply.ToString());
    }

    private static async Task PutDocumentsAsync(ApiCollection items, int count, string document)
    {
        var atOnce = Math.Clamp(3_000_000 / document.Length, 1, 100);
        foreach (var ids in Enumerable.Range(0, count).Chunk(atOnce))
            (await items.BatchWriteAsync($$"""{"ops":[{{string.Join(',', ids.Select(i => $$"""{"op":"put","pk":"p","id":"{{i:000000}}","doc":{{document}} }"""))}}]}""")).Expect(200);
    }

    private static string Fields(int count, int from = 0) => $$"""{{{Many(count, i => $"\"k{from + i:000000}\":1")}}}""";

    private static string Objects(int count) => $$"""{{{Many(count, i => $$$"""
        "k{{{i:000000}}}":{"a":1,"b":"{{{new string('x', 60)}}}"}
        """)}}}""";

    private static string Nested(int depth, string inmost = "{}") => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + inmost + new string('}', depth);

    private static string Many(int count, Func<int, string> one) => string.Join(',', Enumerable.Range(0, count).Select(one));

    public override string ToString() => Name;
}
