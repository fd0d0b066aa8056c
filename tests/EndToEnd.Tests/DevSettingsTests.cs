namespace EndToEnd.Tests;

/// <summary>What <c>./dev up</c> was started with holds for later commands, which come from shells that know nothing of it.</summary>
public sealed class DevSettingsTests(DevCluster cluster)
{
    [Fact]
    public async Task A_router_that_is_started_later_has_the_settings_of_the_first_up()
    {
        await cluster.ScaleRoutersAsync(3);
        try
        {
            var router = (await cluster.StatusAsync()).Routers.Single(router => router.Id == "r3");
            Assert.Contains(DevCluster.Setting, (await File.ReadAllTextAsync($"/proc/{router.Pid}/environ")).Split('\0'));
        }
        finally
        {
            await cluster.ScaleRoutersAsync(2);
        }
    }

    [Fact]
    public async Task The_settings_in_use_can_be_seen()
    {
        var lines = (await cluster.DevAsync("env")).Split('\n');

        Assert.Contains($"export {DevCluster.Setting}", lines);
        Assert.Contains("export DEV_PROXY_PORT=8080", lines);
        Assert.Contains($"export SHARDING_REDIS=127.0.0.1:{(await cluster.StatusAsync()).Redis.Port}", lines);
    }
}
