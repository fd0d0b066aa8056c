using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using TestCluster;

namespace EndToEnd.Tests;

public sealed class BackendFaultsTests(DevCluster cluster)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Redis_flushed_under_load_fails_no_request_and_the_ring_is_rebuilt_as_it_was()
    {
        var before = JsonNode.Parse(await cluster.AdminAsync("ring", "export"))!;
        await using var writes = AcknowledgedWrites.Begin(cluster.Proxy);
        await FlushRedisAsync();
        await cluster.AdminAsync("ring", "rebuild", "--yes");
        var after = JsonNode.Parse(await cluster.AdminAsync("ring", "export"))!;
        var requests = writes.Requests;
        await Eventually.ThatAsync(() => writes.Requests > requests + 500, Limit, "500 requests more were answered");
        await writes.StopAsync();

        Assert.Empty(writes.Failures);
        Assert.Empty(await writes.LostAsync());
        Assert.True(after["epoch"]!.GetValue<long>() > before["epoch"]!.GetValue<long>());
        foreach (var ring in (JsonNode[])[before, after])
        {
            ring.AsObject().Remove("epoch");
            ring.AsObject().Remove("checksum");
        }
        Assert.Equal(before.ToJsonString(), after.ToJsonString());
    }

    [Fact]
    public async Task A_killed_shard_takes_only_its_partitions_away_and_they_come_back_by_themselves()
    {
        var status = await cluster.StatusAsync();
        var victim = status.Shards[0];
        var partitions = (await cluster.PartitionsAsync(ofEach: 1)).ToDictionary(shard => shard.Key, shard => shard.Value[0], StringComparer.Ordinal);
        UnixSignal.Quit.SendTo(victim.Pid!.Value); // immediate shutdown: as a crash, with recovery at the next start

        await Eventually.ThatAsync(async () => (await GetAsync(partitions[victim.Id])).Status == HttpStatusCode.ServiceUnavailable, Limit, "the dead shard's partition answers 503");
        for (var i = 0; i < 20; i++)
        {
            var dead = await GetAsync(partitions[victim.Id]);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, dead.Status);
            Assert.True(dead.HasRetryAfter);
            Assert.True(dead.Took < TimeSpan.FromMilliseconds(300), $"503 took {dead.Took}");
            foreach (var other in status.Shards.Skip(1))
                Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(partitions[other.Id])).Status);
        }

        await cluster.ScaleRoutersAsync(2); // `./dev up` starts what is missing, the shard too
        await Eventually.ThatAsync(async () => (await GetAsync(partitions[victim.Id])).Status == HttpStatusCode.NotFound, TimeSpan.FromSeconds(5), "the shard's partition answers again");
    }

    private async Task FlushRedisAsync()
    {
        var redis = (await cluster.StatusAsync()).Redis;
        using var connection = new System.Net.Sockets.TcpClient();
        await connection.ConnectAsync(redis.Host, redis.Port);
        await using var stream = connection.GetStream();
        await stream.WriteAsync("FLUSHALL\r\n"u8.ToArray());
        using var reader = new StreamReader(stream);
        Assert.Equal("+OK", await reader.ReadLineAsync());
    }

    private async Task<(HttpStatusCode Status, bool HasRetryAfter, TimeSpan Took)> GetAsync(string partition)
    {
        var clock = Stopwatch.StartNew();
        using var response = await cluster.Client.GetAsync(new Uri($"/v1/collections/things/items/{partition}/none", UriKind.Relative));
        return (response.StatusCode, response.Headers.RetryAfter is not null, clock.Elapsed);
    }
}
