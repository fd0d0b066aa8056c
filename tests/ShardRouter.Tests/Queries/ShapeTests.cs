using System.Text.Json;
using System.Text.RegularExpressions;
using FsCheck.Fluent;
using ShardCore.Queries;
using ShardRouter.Queries;

namespace ShardRouter.Tests.Queries;

/// <summary>What of a query its statistics keep, and which index they advise. No server is needed.</summary>
public sealed partial class ShapeTests
{
    [Theory]
    [InlineData("""{"filter":{"status":{"eq":"zq"},"total":{"gte":10,"lt":20}}}""", "status eq and total gte and total lt")]
    [InlineData("""{"filter":{"total":{"lt":2,"gte":1},"status":{"eq":"other"}}}""", "status eq and total gte and total lt")]
    [InlineData("""{"filter":{"and":[{"a":{"eq":1}},{"and":[{"b":{"ne":null}}]}]}}""", "a eq and b ne")]
    [InlineData("""{"filter":{"or":[{"id":{"eq":1}},{"id":{"eq":2}},{"id":{"eq":3}}]}}""", "(id eq)")]
    [InlineData("""{"filter":{"or":[{"b":{"in":[1,2]}},{"a":{"prefix":"x"},"c":{"exists":true}}],"d":{"contains":"y"}}}""", "((a prefix and c exists) or b in) and d contains")]
    [InlineData("""{"filter":{"not":{"a":{"gt":1}}}}""", "not (a gt)")]
    [InlineData("""{"filter":{"not":{"or":[{"a":{"gt":1}},{"b":{"lte":1}}]}}}""", "not ((a gt or b lte))")]
    [InlineData("""{"id":{"prefix":"2026-"},"filter":{"id":{"eq":"x"}}}""", "[id] gte and [id] lt and id eq")]
    [InlineData("""{"filter":{"/a.b/c~1d":{"eq":1},"e.0":{"eq":1}}}""", "/a.b/c~1d eq and e.0 eq")]
    [InlineData("""{"filter":{"a\u001b[31m":{"eq":1}}}""", "a?[31m eq")]
    [InlineData("""{"filter":{}}""", null)]
    public void A_filter_is_its_paths_and_operators(string body, string? filter) => Assert.Equal(filter, Query(body).Filter);

    [Theory]
    [InlineData("""{"orderBy":[{"path":"total","dir":"desc"},{"path":"name"}]}""", QueryKind.Scan, "total desc, name")]
    [InlineData("""{"filter":{"a":{"eq":1}}}""", QueryKind.Scan, null)]
    [InlineData("""{"id":{"gt":"a"}}""", QueryKind.Scan, null)]
    [InlineData("""{"limit":5}""", QueryKind.Listing, null)]
    [InlineData("""{"partition":"zqkey","orderBy":[{"path":"total"}]}""", QueryKind.Partition, "total")]
    public void A_query_has_a_kind_and_an_order(string body, string kind, string? order)
    {
        var shape = Query(body);
        Assert.Equal(("c", "query", kind, order, null), (shape.Collection, shape.Operation, shape.Kind, shape.OrderBy, shape.Index));
    }

    [Fact]
    public void An_index_makes_another_shape_of_another_kind()
    {
        var query = Parse("""{"filter":{"a":{"eq":1}}}""");
        Assert.Equal(ShapeOf.Query(query) with { Index = "by_a", Kind = QueryKind.Indexed }, ShapeOf.Query(query, "by_a"));
    }

    [Theory]
    [InlineData("""{"aggregates":[{"op":"count"}],"filter":{"a":{"eq":1}}}""", "count", "a eq", null)]
    [InlineData("""{"aggregates":[{"op":"count"}],"groupBy":["country","a.b"]}""", "aggregate", null, "country, a.b")]
    [InlineData("""{"aggregates":[{"op":"sum","path":"total"}]}""", "aggregate", null, null)]
    public void An_aggregate_has_its_groups(string body, string operation, string? filter, string? groups)
    {
        var shape = ShapeOf.Aggregate(QueryParser.Aggregate(Scanning(body), "c", null).Query);
        Assert.Equal((operation, QueryKind.Scan, filter, groups), (shape.Operation, shape.Kind, shape.Filter, shape.GroupBy));
    }

    /// <summary>A hostile caller may have 50 comparisons with paths of 1,024 characters.</summary>
    [Fact]
    public void A_shape_is_never_long()
    {
        var filter = string.Join(',', Enumerable.Range(0, 50).Select(i => $$"""{"{{new string('x', 1000)}}{{i}}":{"eq":1} }"""));
        var shape = Query($$"""{"filter":{"and":[{{filter}}]},"orderBy":[{"path":"x{{string.Concat(Enumerable.Repeat("😀", 400))}}"}]}""");

        Assert.InRange(shape.Filter!.Length, 100, 401);
        Assert.InRange(shape.OrderBy!.Length, 100, 401);
        Assert.Contains("😀…", shape.OrderBy, StringComparison.Ordinal); // no half of a character
    }

    [Fact]
    public void No_shape_has_anything_but_paths_and_operators()
    {
        foreach (var query in RandomQueries.Query.Sample(500, 500).Where(query => query.Filter is not null))
            Assert.Matches(PathsAndOperators(), Query($$"""{"filter":{{query.Filter}}}""").Filter);
    }

    [Theory]
    [InlineData("""{"filter":{"status":{"eq":"x"}}}""", "status:text")]
    [InlineData("""{"filter":{"total":{"gte":1}}}""", "total:number")]
    [InlineData("""{"filter":{"total":{"gte":1},"status":{"eq":true},"name":{"prefix":"x"}}}""", "status:boolean total:number")]
    [InlineData("""{"filter":{"status":{"eq":"x"},"total":{"lt":1}},"orderBy":[{"path":"total","dir":"desc"}]}""", "status:text total:number:desc")]
    [InlineData("""{"filter":{"status":{"eq":"x"}},"orderBy":[{"path":"status"},{"path":"name"}]}""", "status:text name:?")]
    [InlineData("""{"filter":{"status":{"in":["x","y"]}}}""", "status:text")]
    [InlineData("""{"filter":{"status":{"eq":null}}}""", "")]
    [InlineData("""{"filter":{"or":[{"a":{"eq":1}},{"b":{"eq":1}}]}}""", "")]
    [InlineData("""{"filter":{"not":{"a":{"eq":1}}}}""", "")]
    [InlineData("""{"filter":{"a":{"ne":1},"b":{"contains":"x"},"c":{"exists":true}}}""", "")]
    [InlineData("""{"filter":{"a":{"eq":1},"b":{"eq":2},"c":{"eq":3},"d":{"eq":4}}}""", "a:number b:number c:number")]
    [InlineData("""{"partition":"p","filter":{"a":{"eq":1}}}""", "")]
    [InlineData("""{}""", "")]
    public void An_index_is_advised_that_can_serve_the_query(string body, string fields) =>
        Assert.Equal(fields, Text(FittingIndex.Of(Parse(body), null)));

    [Fact]
    public void What_was_found_tells_the_types_of_the_order()
    {
        var query = Parse("""{"orderBy":[{"path":"a"},{"path":"b","dir":"desc"},{"path":"c"}]}""");
        var first = new SortKey([new SortValue(SortValue.Number, "1"), new SortValue(SortValue.String, "zq"), SortValue.Nothing], 0, "pk", "id");

        Assert.Equal("a:? b:?:desc c:?", Text(FittingIndex.Of(query, null)));
        Assert.Equal("a:number b:text:desc c:?", Text(FittingIndex.Of(query, first)));
    }

    private static string Text(IEnumerable<QueryIndexField> fields) =>
        string.Join(' ', fields.Select(field => $"{field.Path}:{field.Type ?? "?"}{(field.Descending ? ":desc" : "")}"));

    private static QueryShape Query(string body) => ShapeOf.Query(Parse(body));

    private static ItemQuery Parse(string body) => QueryParser.Query(Scanning(body), "c", null, TimeSpan.FromSeconds(1)).Query;

    private static JsonElement Scanning(string body) =>
        JsonElement.Parse(body == "{}" ? """{"allowScan":true}""" : body.Insert(1, "\"allowScan\":true,"));

    /// <summary>The paths are those of <see cref="RandomQueries"/>. A long shape is cut in the middle of a word.</summary>
    [GeneratedRegex(
        @"^(a|b|n|o\.c|o\.0|missing|eq|ne|gte?|lte?|in|prefix|exists|contains|and|or|not|[() ])*([\w.]*…)?\z", RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex PathsAndOperators();
}
