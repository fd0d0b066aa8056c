using System.Globalization;
using TestCluster;

namespace EndToEnd.Tests;

public sealed class RoutersComeAndGoTests(DevCluster cluster)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_rolling_restart_of_all_routers_under_load_fails_no_request()
    {
        await using var writes = AcknowledgedWrites.Begin(cluster.Proxy);
        await SomeRequestsAsync(writes);
        foreach (var router in (await cluster.StatusAsync()).Routers)
        {
            UnixSignal.Terminate.SendTo(router.Pid!.Value);
            await GoneAsync(router.Pid.Value, $"{router.Id} ends after SIGTERM");
            await cluster.ScaleRoutersAsync(2); // starts the missing one
            await SomeRequestsAsync(writes);
        }
        await writes.StopAsync();
        Assert.Empty(writes.Failures);
        Assert.Empty(await writes.LostAsync());
    }

    [Fact]
    public async Task Scaling_from_two_routers_to_four_and_back_under_load_fails_no_request()
    {
        await using var writes = AcknowledgedWrites.Begin(cluster.Proxy);
        await SomeRequestsAsync(writes);
        await cluster.ScaleRoutersAsync(4);
        await Eventually.ThatAsync(async () => (await RoutersUsedAsync(200)).Count == 4, Limit, "all four routers get requests");
        await SomeRequestsAsync(writes);
        await cluster.ScaleRoutersAsync(2);
        await SomeRequestsAsync(writes);
        await writes.StopAsync();
        Assert.Empty(writes.Failures);
        Assert.Empty(await writes.LostAsync());
        Assert.Equal(["r1", "r2"], (await RoutersUsedAsync(100)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_router_killed_under_load_loses_no_acknowledged_write_and_its_partitions_move_on()
    {
        await using var writes = AcknowledgedWrites.Begin(cluster.Proxy);
        await SomeRequestsAsync(writes);
        var victim = (await cluster.StatusAsync()).Routers[0];
        UnixSignal.Kill.SendTo(victim.Pid!.Value);
        await GoneAsync(victim.Pid.Value, "the killed router is gone");
        await Eventually.ThatAsync(async () => (await RoutersUsedAsync(50)).SetEquals(["r2"]), Limit, "only the other router gets requests");

        var failuresSoFar = writes.Failures.Count; // of requests that were in the router when it died
        await SomeRequestsAsync(writes);
        await writes.StopAsync();
        Assert.Equal(failuresSoFar, writes.Failures.Count);
        // What was in the router when it died: 502, or, on a connection that had served before, HAProxy just closes it.
        Assert.All(writes.Failures, failure => Assert.Matches(" 502 |error occurred while sending", failure));
        Assert.InRange(writes.Failures.Count, 0, 16);
        Assert.Empty(await writes.LostAsync());

        await cluster.ScaleRoutersAsync(2);
        await Eventually.ThatAsync(async () => (await RoutersUsedAsync(100)).Count == 2, Limit, "the router is back in use");
    }

    [Fact]
    public async Task Requests_of_one_partition_go_to_one_router_and_partitions_spread_over_all()
    {
        var byPartition = new Dictionary<int, HashSet<string>>();
        for (var round = 0; round < 3; round++)
            for (var partition = 0; partition < 60; partition++)
            {
                byPartition.TryAdd(partition, []);
                byPartition[partition].Add(await RouterOfAsync(partition));
            }
        Assert.All(byPartition.Values, routers => Assert.Single(routers));
        Assert.Equal(2, byPartition.Values.SelectMany(routers => routers).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task A_session_with_a_cookie_keeps_its_router_for_requests_without_a_partition()
    {
        var path = new Uri("/v1/collections", UriKind.Relative);
        using var handler = new SocketsHttpHandler { UseCookies = true };
        using var session = new HttpClient(handler) { BaseAddress = cluster.Proxy };
        (await session.GetAsync(path)).EnsureSuccessStatusCode();
        var cookie = Assert.Single(handler.CookieContainer.GetAllCookies());
        Assert.Equal("router", cookie.Name);
        Assert.True(cookie.HttpOnly);
        (await session.GetAsync(path)).EnsureSuccessStatusCode();
        Assert.Equal(cookie.Value, Assert.Single(handler.CookieContainer.GetAllCookies()).Value);
    }

    private static async Task SomeRequestsAsync(AcknowledgedWrites writes)
    {
        var before = writes.Requests;
        await Eventually.ThatAsync(() => writes.Requests > before + 500, Limit, "500 requests more were answered");
    }

    private static Task GoneAsync(int pid, string awaited) => Eventually.ThatAsync(() => !IsRunning(pid), Limit, awaited);

    private static bool IsRunning(int pid)
    {
        var stat = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat");
        return File.Exists(stat) && !File.ReadAllText(stat).Contains(") Z ", StringComparison.Ordinal);
    }

    private async Task<HashSet<string>> RoutersUsedAsync(int partitions)
    {
        var routers = new HashSet<string>(StringComparer.Ordinal);
        for (var partition = 0; partition < partitions; partition++)
            routers.Add(await RouterOfAsync(partition));
        return routers;
    }

    private async Task<string> RouterOfAsync(int partition)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"/v1/collections/things/items/p{partition}/none"));
        request.Headers.Add("Prefer", "shard-route");
        using var response = await cluster.Client.SendAsync(request);
        return response.Headers.GetValues("Shard-Route").Single().Split("router=")[1];
    }
}
