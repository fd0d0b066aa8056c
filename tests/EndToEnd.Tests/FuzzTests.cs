using System.Globalization;
using System.Text.Json;
using Fuzz;
using Fuzz.Judging;
using Fuzz.Making;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>A quarter of a minute of what <c>./dev fuzz</c> does for as long as one likes.</summary>
public sealed class FuzzTests(GuardedDevCluster cluster, ITestOutputHelper output) : IClassFixture<GuardedDevCluster>
{
    private const int Seed = 20;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Bad_input_meets_no_500_no_crash_and_no_leak()
    {
        var status = await cluster.StatusAsync();
        using var made = JsonDocument.Parse(await cluster.AdminAsync(
            "keys", "create", "--name", "fuzz", "--scopes", "items:read,items:write,collections:admin", "--collections", string.Join(',', JsonMaker.Collections), "-o", "json"));
        var folder = TemporaryFolder.NewPath("fuzz");
        using var lines = new StringWriter(CultureInfo.InvariantCulture);
        RouterWatch[] routers = [.. status.Routers.Select(router => new RouterWatch(router.Id, new Uri(router.Ops), router.Pid!.Value, cluster.LogOf(router.Id)))];

        var run = new FuzzRun(
            new FuzzTarget([new Uri(status.Routers[0].Url), cluster.Proxy], routers, made.RootElement.GetProperty("key").GetString(), status.ApiKey), Seed, folder, lines);
        var problems = await run.RunAsync(Duration, TestContext.Current.CancellationToken);

        output.WriteLine(lines.ToString());
        Assert.True(problems.Count == 0, $"{string.Join('\n', problems)}\nRequests are in {folder}\n{lines}");
        Assert.True(run.Cases > 500, $"only {run.Cases} cases");
        Array.ForEach(routers, router => router.Dispose());
    }
}
