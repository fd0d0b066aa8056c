using LoadTests.Benches;
using LoadTests.Cluster;
using LoadTests.Tests.Http;
using Workbench;

namespace LoadTests.Tests.Cluster;

public sealed class IndexBuildTests
{
    [Fact]
    public void An_index_is_written_as_shardadmin_takes_it() => Assert.Equal(
        "indexes create ranked by_group group:text:asc rank:number:asc --yes --quiet", string.Join(' ', RankedItems.ByGroup.Arguments("ranked")));

    [Fact]
    public async Task An_index_that_the_api_calls_ready_is_taken()
    {
        await using var server = new ScriptedServer([Answer(200, "ready")]);

        await IndexBuild.RequireReadyAsync(server.Url, "ranked", RankedItems.ByGroup, TestContext.Current.CancellationToken);

        Assert.StartsWith("GET /v1/collections/ranked/indexes/by_group HTTP/1.1\r\n", server.Requests[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, "building")]
    [InlineData(404, "ready")]
    public async Task Any_other_ends_the_bench(int status, string state)
    {
        await using var server = new ScriptedServer([Answer(status, state)]);

        await Assert.ThrowsAsync<WrongAnswerException>(
            () => IndexBuild.RequireReadyAsync(server.Url, "ranked", RankedItems.ByRank, TestContext.Current.CancellationToken));
    }

    private static string Answer(int status, string state)
    {
        var body = $$"""{"name":"by_group","state":"{{state}}","progress":0.5}""";
        return FormattableString.Invariant($"HTTP/1.1 {status} X\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }
}
