using System.Diagnostics;
using TestCluster;

namespace ShardCore.Tests.Servers;

public sealed class RedisServerTests
{
    [Fact]
    public async Task It_comes_back_on_its_port_after_kill_and_stop_and_can_be_flushed()
    {
        await using var redis = await RedisServer.StartNewAsync();
        var port = redis.Port;

        await redis.KillAsync();
        await redis.StartAsync();
        await redis.StopAsync();
        await redis.StartAsync();
        await redis.FlushAsync();

        Assert.Equal(port, redis.Port);
    }

    [Fact]
    public async Task A_condition_that_never_holds_fails_with_what_was_awaited()
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(
            () => Eventually.ThatAsync(() => false, TimeSpan.FromMilliseconds(20), "the moon is made of cheese"));

        Assert.Contains("the moon is made of cheese", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Processes_outlive_the_thread_that_asked_for_them()
    {
        ChildProcess? child = null;
        var thread = new Thread(() => child = ChildProcess.Start("sleep", ["60"]));
        thread.Start();
        thread.Join();

        await using (child)
        {
            var clock = Stopwatch.StartNew();
            await Eventually.ThatAsync(
                () => child!.HasExited || clock.ElapsedMilliseconds > 300, TimeSpan.FromSeconds(5), "300 ms passed or the process died");
            Assert.False(child!.HasExited);
        }
    }
}
