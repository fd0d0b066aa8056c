using TestCluster;

namespace ShardCore.Tests.Documents;

/// <summary>What the guides' tests take for equal, and what not: a guide that is wrong must be found out.</summary>
public sealed class ShownOutputTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a": 1}""")]
    [InlineData("HTTP/1.1 200 OK\n…\netag: \"1795386598571675\"\n…\n\n{}", "HTTP/1.1 200 OK\r\ndate: now\r\netag: \"1796032862010610\"\r\n\r\n{}")]
    [InlineData("""{"etag":"\"1795386598571675\"",…"n":2}""", """{"etag":"\"1796032862010610\"","at":"x","n":2}""")]
    [InlineData("""{"at":"2026-11-22T22:30:00.607852Z"}""", """{"at":"2026-11-30T10:01:02Z"}""")]
    [InlineData("Ready after 36.4 s.", "Ready after 7 s.")]
    [InlineData("", "")]
    public void Output_that_differs_only_in_what_varies_fits(string shown, string actual) => Assert.True(ShownOutput.Fits(shown, actual));

    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""")]
    [InlineData("""{"a":1}""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":"x y"}""", """{"a":"xy"}""")]
    [InlineData("HTTP/1.1 200 OK\n…", "HTTP/1.1 201 Created\r\ndate: now\r\n")]
    [InlineData("""{"etag":"\"1795386598571675\""}""", """{"etag":"\"7\""}""")]
    [InlineData("""{…"code":"item-not-found"…}""", """{"code":"collection-not-found"}""")]
    [InlineData("", "something")]
    public void Output_that_differs_otherwise_does_not(string shown, string actual) => Assert.False(ShownOutput.Fits(shown, actual));

    [Fact]
    public void Commands_and_what_they_print_are_read_from_a_document()
    {
        var examples = ConsoleExample.In("Text\n```sh\na=1\nb=2\n```\n```console\n$ curl \\\n  x -d '{\n  }'\n{}\n$ next\n```\n```\n$ not this\n```\n");

        Assert.Equal([new(3, "a=1\nb=2", ""), new(7, "curl \\\n  x -d '{\n  }'", "{}"), new(11, "next", "")], examples);
    }
}
