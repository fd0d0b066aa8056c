using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Listing;

public sealed class FilterTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly (string Id, string Document)[] Documents =
    [
        ("absent", "{}"),
        ("array", """{"v":["a",5,null,{"k":1}]}"""),
        ("big", """{"v":123456789012345678901234567890}"""),
        ("decimal", """{"v":5.0}"""),
        ("empty", """{"v":""}"""),
        ("false", """{"v":false}"""),
        ("five", """{"v":5}"""),
        ("lower", """{"v":"apple pie"}"""),
        ("negative", """{"v":-1.5}"""),
        ("nested", """{"v":{"w":{"x":7}},"a.b":1,"l":[10,20]}"""),
        ("null", """{"v":null}"""),
        ("percent", """{"v":"100% _x"}"""),
        ("text5", """{"v":"5"}"""),
        ("true", """{"v":true}"""),
        ("upper", """{"v":"Zebra"}"""),
        ("wide", """{"v":"é😀"}"""),
    ];

    [Theory]
    [InlineData("f.v=eq.5", "decimal five")]
    [InlineData("f.v=eq.5.00", "decimal five")]
    [InlineData("f.v=eq.%225%22", "text5")]
    [InlineData("f.v=eq.true", "true")]
    [InlineData("f.v=eq.null", "null")]
    [InlineData("f.v=eq.", "empty")]
    [InlineData("f.v=eq.apple%20pie", "lower")]
    [InlineData("f.v=eq.apple+pie", "lower")]
    [InlineData("f.v=eq.123456789012345678901234567890", "big")]
    [InlineData("f.v=eq.100%25%20_x", "percent")]
    [InlineData("f.v=eq.'%20or%201=1--", "")]
    [InlineData("f.v=ne.5", "absent array big empty false lower negative nested null percent text5 true upper wide")]
    [InlineData("f.v=ne.null", "absent array big decimal empty false five lower negative nested percent text5 true upper wide")]
    [InlineData("f.v=gt.5", "big")]
    [InlineData("f.v=gte.5", "big decimal five")]
    [InlineData("f.v=lt.5", "negative")]
    [InlineData("f.v=lte.5", "decimal five negative")]
    [InlineData("f.v=gt.a", "lower wide")]
    [InlineData("f.v=gte.apple%20pie", "lower wide")]
    [InlineData("f.v=lt.a", "empty percent text5 upper")]
    [InlineData("f.v=lte.%225%22", "empty percent text5")]
    [InlineData("f.v=gt.%C3%A9", "wide")]
    [InlineData("f.v=gte.-1.5&f.v=lt.6", "decimal five negative")]
    [InlineData("f.v=in.5,true,apple%20pie", "decimal five lower true")]
    [InlineData("f.v=in.null", "null")]
    [InlineData("f.v=in.", "empty")]
    [InlineData("f.v=prefix.apple", "lower")]
    [InlineData("f.v=prefix.", "empty lower percent text5 upper wide")]
    [InlineData("f.v=prefix.5", "text5")]
    [InlineData("f.v=prefix.100%25", "percent")]
    [InlineData("f.v=prefix._", "")]
    [InlineData("f.v=prefix.%C3%A9", "wide")]
    [InlineData("f.v=exists.true", "array big decimal empty false five lower negative nested null percent text5 true upper wide")]
    [InlineData("f.v=exists", "array big decimal empty false five lower negative nested null percent text5 true upper wide")]
    [InlineData("f.v=exists.false", "absent")]
    [InlineData("f.v=contains.a", "array lower upper")]
    [InlineData("f.v=contains.pie", "lower")]
    [InlineData("f.v=contains.5", "array")]
    [InlineData("f.v=contains.null", "array")]
    [InlineData("f.v=contains.%25", "percent")]
    [InlineData("f.v=contains._x", "percent")]
    [InlineData("f.v=contains.%F0%9F%98%80", "wide")]
    [InlineData("f.v.w.x=eq.7", "nested")]
    [InlineData("f.v.w.x=gt.6", "nested")]
    [InlineData("f./a.b=eq.1", "nested")]
    [InlineData("f.l.1=eq.20", "nested")]
    [InlineData("f.v.1=eq.5", "array")]
    [InlineData("f.a.b=exists", "")]
    [InlineData("f.v'%20or%20'1'%3D'1=exists", "")]
    [InlineData("f.v=ne.5&f.v=prefix.a", "lower")]
    [InlineData("f.v=exists&f.l=exists", "nested")]
    [InlineData("f.v=gte.5&order=id.desc", "five decimal big")]
    [InlineData("f.v=exists&id.gt=percent&id.lt=true", "text5")]
    public async Task A_filter_keeps_the_items_it_describes(string query, string expected)
    {
        await Pages.PutAllAsync(Items, "p", Documents);

        Assert.Equal(expected, string.Join(' ', (await Items.ListAsync("p", query)).Ids()));
    }

    [Fact]
    public async Task Filters_and_cursors_work_together()
    {
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 200).Select(i => ($"{i:000}", $$"""{"even":{{(i % 2 == 0 ? "true" : "false")}}}""")));

        var pages = await Pages.AllAsync(Items, "p", "f.even=eq.true&limit=30");

        Assert.Equal([30, 30, 30, 10], pages.Select(page => page.Ids().Length));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i * 2:000}"), pages.SelectMany(page => page.Ids()));
    }
}
