using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.SharpEdges;

/// <summary><c>f.x=in.…</c>: a value with a comma stands in double quotes, in which a backslash escapes, as PostgREST has it.</summary>
public sealed class InListTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly (string Id, string Document)[] Documents =
    [
        ("a", """{"v":"a"}"""),
        ("a,b", """{"v":"a,b"}"""),
        ("b", """{"v":"b"}"""),
        ("backslash", """{"v":"\\"}"""),
        ("comma", """{"v":","}"""),
        ("empty", """{"v":""}"""),
        ("five", """{"v":5}"""),
        ("inside", """{"v":"c\"d"}"""),
        ("quote", """{"v":"\""}"""),
        ("quoted", """{"v":"x\",\"y"}"""),
        ("text5", """{"v":"5"}"""),
        ("true", """{"v":true}"""),
        ("truetext", """{"v":"true"}"""),
    ];

    [Theory]
    [InlineData("""in."a,b" """, "a,b")]
    [InlineData("""in."a,b",a""", "a a,b")]
    [InlineData("""in.a,"a,b",b""", "a a,b b")]
    [InlineData("""in.a,b""", "a b")]
    [InlineData("""in."a","b" """, "a b")]
    [InlineData("""in."," """, "comma")]
    [InlineData("""in."" """, "empty")]
    [InlineData("""in.,a""", "a empty")]
    [InlineData("""in.a,""", "a empty")]
    [InlineData("""in."\"" """, "quote")]
    [InlineData("""in."\\" """, "backslash")]
    [InlineData("""in."x\",\"y",a""", "a quoted")]
    [InlineData("""in."5" """, "text5")]
    [InlineData("""in.5""", "five")]
    [InlineData("""in.5,"5" """, "five text5")]
    [InlineData("""in."true" """, "truetext")]
    [InlineData("""in.true""", "true")]
    [InlineData("""in.c"d""", "inside")] // a quote that does not begin a value is only a character
    public async Task A_value_may_stand_in_quotes(string filter, string expected)
    {
        await Pages.PutAllAsync(Items, "p", Documents);

        Assert.Equal(expected, string.Join(' ', (await Items.ListAsync("p", "f.v=" + Uri.EscapeDataString(filter.TrimEnd()))).Ids()));
    }

    [Theory]
    [InlineData("""in."a""")]
    [InlineData("""in.a,"b""")]
    [InlineData("""in."a\" """)]
    [InlineData("""in."a"b""")]
    [InlineData("""in."a"b,c""")]
    [InlineData("""in."a""b" """)]
    [InlineData("""in."a\x" """)]
    public async Task A_quoted_value_that_does_not_end_as_one_is_refused(string filter) =>
        (await Items.ListAsync("p", "f.v=" + Uri.EscapeDataString(filter.TrimEnd()))).ExpectProblem(400, "invalid-filter");
}
