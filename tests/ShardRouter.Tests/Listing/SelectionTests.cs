using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Listing;

public sealed class SelectionTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const string Document = """{"a":[{"x":1},{"x":2}],"b":{"00":3,"c":4,"-1":5},"A":6}""";

    [Theory]
    [InlineData("a.0", """{"a":{"0":{"x":1}}}""")]
    [InlineData("a.1.x", """{"a":{"1":{"x":2}}}""")]
    [InlineData("a.00", "{}")]
    [InlineData("a.01,a.-1,a.%2B1,a.1e0,a.%201", "{}")]
    [InlineData("a.0,a.0", """{"a":{"0":{"x":1}}}""")]
    [InlineData("a.0,/a/0", """{"a":{"0":{"x":1}}}""")]
    [InlineData("a,a.0", """{"a":[{"x":1},{"x":2}]}""")]
    [InlineData("a.0.x,a", """{"a":[{"x":1},{"x":2}]}""")]
    [InlineData("b.c,b,b.00", """{"b":{"00":3,"c":4,"-1":5}}""")]
    [InlineData("b.00,b.-1", """{"b":{"00":3,"-1":5}}""")]
    [InlineData("A", """{"A":6}""")]
    public async Task Each_value_has_one_name_and_comes_once(string select, string expected)
    {
        (await Items.PutAsync("p", "x", Document)).Expect(201);

        JsonAssert.Equal(expected, (await Items.ListAsync("p", "select=" + select)).Expect(200).Json.GetProperty("items")[0].GetProperty("doc"));
    }

    [Fact]
    public async Task Fifty_spellings_of_one_large_element_do_not_make_fifty_copies()
    {
        (await Items.PutAsync("p", "x", $$"""{"a":["{{new string('x', 100_000)}}"]}""")).Expect(201);
        var whole = (await Items.ListAsync("p")).Expect(200);

        foreach (var spell in new Func<int, string>[] { i => "a." + new string('0', i + 1), _ => "a.0", i => i % 2 == 0 ? "a" : "a.0", _ => "/a/0" })
        {
            var selected = await Items.ListAsync("p", "select=" + string.Join(',', Enumerable.Range(0, 50).Select(spell)));
            Assert.InRange(selected.Expect(200).Body.Length, 1, whole.Body.Length + 10);
        }
    }

    [Theory]
    [InlineData("f.a.1.x=eq.2", 1)]
    [InlineData("f.a.01.x=eq.2", 0)]
    [InlineData("f.a.-1.x=eq.2", 0)]
    [InlineData("f.a.%2B1.x=eq.2", 0)]
    [InlineData("f.a.%201.x=eq.2", 0)]
    [InlineData("f.b.00=eq.3", 1)]
    [InlineData("f.b.-1=gte.5", 1)]
    [InlineData("f.b.c=eq.4&f.b.00=eq.3", 1)]
    [InlineData("f.b.01=exists.false", 1)]
    [InlineData("f.A=eq.6", 1)]
    [InlineData("f.a=eq.6", 0)]
    public async Task A_filter_takes_the_same_names(string query, int count)
    {
        (await Items.PutAsync("p", "x", Document)).Expect(201);

        Assert.Equal(count, (await Items.ListAsync("p", query)).Ids().Length);
    }

    [Fact]
    public async Task Names_that_differ_in_case_are_two_fields()
    {
        (await Items.PutAsync("p", "x", """{"a":1,"A":2}""")).Expect(201);

        Assert.Single((await Items.ListAsync("p", "f.a=eq.1&f.A=eq.2")).Ids());
        Assert.Empty((await Items.ListAsync("p", "f.a=eq.1&f.A=eq.1")).Ids());
        Assert.Contains("'LIMIT'", (await Items.ListAsync("p", "limit=5&LIMIT=6")).ExpectProblem(400, "invalid-parameter").Json.GetProperty("title").GetString(), StringComparison.Ordinal);
    }
}
