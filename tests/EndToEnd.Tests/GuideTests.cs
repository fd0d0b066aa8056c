using System.Globalization;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>The documents that people type from: every command in them prints what they show.</summary>
public sealed class GuideTests(DevCluster cluster)
{
    private const string Proxy = "http://127.0.0.1:8080";
    private const string PortOfS4 = "--port 5444 ";
    private const string FirstRoutersOperations = "http://127.0.0.1:8201";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Every_example_of_the_guide_to_the_API_prints_what_it_shows()
    {
        RequiredProgram.Find("curl", "curl");
        var router = (await cluster.StatusAsync()).Routers[0];

        await DocumentExamples.AllHoldAsync(
            "docs/api.md", workingFolder: "/", [(Proxy, cluster.Proxy.GetLeftPart(UriPartial.Authority)), (FirstRoutersOperations, router.Ops)], Limit);
    }

    [Fact]
    public async Task Every_command_of_the_readme_prints_what_it_shows_on_a_new_cluster()
    {
        RequiredProgram.Find("curl", "curl");
        var offset = DevCluster.FreeOffset();
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["DEV_HOME"] = TemporaryFolder.NewPath("readme"),
            ["DEV_PORT_OFFSET"] = offset.ToString(CultureInfo.InvariantCulture),
        };
        try
        {
            await DocumentExamples.AllHoldAsync(
                "README.md", DevCluster.Root,
                [
                    (Proxy, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{8080 + offset}")),
                    (PortOfS4, string.Create(CultureInfo.InvariantCulture, $"--port {5444 + offset} ")),
                    ("./dev up --detach --open ", "./dev up --detach --no-build --open "),
                ],
                Limit, environment);
        }
        finally
        {
            await using var down = ChildProcess.Start(Path.Combine(DevCluster.Root, "dev"), ["down", "--wipe"], environment: environment, workingFolder: DevCluster.Root);
            await down.WaitForExitAsync(Limit);
        }
    }
}
