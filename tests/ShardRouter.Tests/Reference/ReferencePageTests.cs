using System.Text.RegularExpressions;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Reference;

/// <summary>The page on the operations port, for people who may have no way to the internet.</summary>
public sealed partial class ReferencePageTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task The_router_serves_the_page_and_all_that_the_page_loads()
    {
        var page = (await Router.Operations.GetAsync("/reference/")).Expect(200);

        Assert.StartsWith("text/html", page["Content-Type"], StringComparison.Ordinal);
        var loaded = Loaded().Matches(page.Text).Select(match => match.Groups["address"].Value).ToArray();
        Assert.Contains(loaded, address => address.EndsWith(".js", StringComparison.Ordinal));
        foreach (var address in loaded.Where(address => !address.StartsWith("data:", StringComparison.Ordinal)))
        {
            Assert.DoesNotContain("//", address, StringComparison.Ordinal); // or it would be of another host
            (await Router.Operations.GetAsync(new Uri(new Uri("http://router/reference/"), address).AbsolutePath)).Expect(200);
        }
    }

    [Fact]
    public async Task The_browser_is_told_to_ask_no_other_host()
    {
        var policy = (await Router.Operations.GetAsync("/reference/")).Expect(200)["Content-Security-Policy"]!;

        string[] harmless = ["'none'", "'self'", "'unsafe-inline'", "data:"]; // no host, no scheme that leads to one
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.All(policy.Split(';', StringSplitOptions.TrimEntries), rule => Assert.All(rule.Split(' ')[1..], source => Assert.Contains(source, harmless)));
    }

    [Fact]
    public async Task The_page_shows_the_document_of_the_data_port()
    {
        var document = await Router.Operations.GetAsync("/openapi/v1.json");

        Assert.Equal((await Api.GetAsync("/openapi/v1.json")).Expect(200).Text, document.Expect(200).Text);
        Assert.Contains("openapi/v1.json", (await Router.Operations.GetAsync("/reference/")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_examples_of_the_page_go_to_the_data_port() =>
        Assert.Contains(Router.Url.ToString().TrimEnd('/'), (await Router.Operations.GetAsync("/reference/")).Text, StringComparison.Ordinal);

    [Fact]
    public async Task The_data_port_has_no_page() => Assert.Equal("route-not-found", (await Api.GetAsync("/reference/")).Expect(404).Code);

    [GeneratedRegex("""(?:src|href)\s*=\s*["'](?<address>[^"']+)["']""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Loaded();
}
