using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Reference;

public sealed class VersionTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task The_document_and_the_metrics_have_the_version_of_the_build()
    {
        var document = (await Api.GetAsync("/openapi/v1.json")).Expect(200).Json;

        Assert.Equal(Checkout.Version, document.GetProperty("info").GetProperty("version").GetString());
        Assert.Equal(1, await Router.MetricAsync("sharding_build_info", $"version=\"{Checkout.Version}\""));
    }

    [Fact]
    public void The_change_log_says_what_is_in_this_version()
    {
        var headings = File.ReadLines(Path.Combine(Checkout.Root, "CHANGELOG.md")).Where(line => line.StartsWith("## ", StringComparison.Ordinal)).ToArray();

        Assert.Equal("## [Unreleased]", headings[0]);
        Assert.StartsWith($"## [{Checkout.Version}]", headings[1], StringComparison.Ordinal);
    }
}
