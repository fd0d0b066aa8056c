using System.Globalization;
using System.Net.Sockets;
using Chaos.Cluster;
using Workbench;

namespace Chaos.Faults;

/// <summary>Redis loses everything; after a while somebody rebuilds the ring.</summary>
/// <param name="Kills">True: Redis is killed and starts empty; false: FLUSHALL.</param>
/// <param name="Absence">How long Redis is down, if it is killed.</param>
/// <param name="Unnoticed">The time until the ring is rebuilt.</param>
internal sealed record RedisLoss(bool Kills, TimeSpan Absence, TimeSpan Unnoticed) : IChaosStep
{
    public string Description => string.Create(
        CultureInfo.InvariantCulture, $"{(Kills ? $"kill -9 redis, empty after {Absence.TotalSeconds:0.0} s" : "FLUSHALL")}, ring rebuild after {Unnoticed.TotalSeconds:0.0} s");

    public async Task RunAsync(ChaosStage stage, CancellationToken cancellation)
    {
        stage.Log.Count(Kills ? "redis restarted empty" : "redis flushed");
        if (Kills && stage.Cluster.ProcessOf("redis") is { } process)
        {
            ProcessTree.KillOne(process);
            await Task.Delay(Absence, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stage.Cluster.EmptyRedis();
            await stage.Cluster.StartPartAsync("redis", CancellationToken.None);
        }
        else
        {
            await FlushAsync(stage.Cluster.Redis);
        }
        await Task.Delay(Unnoticed, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await stage.RebuildRingAsync(CancellationToken.None);
    }

    /// <param name="redis">host:port</param>
    public static async Task FlushAsync(string redis)
    {
        var (host, port) = redis.Split(':') is [var name, var number] ? (name, int.Parse(number, CultureInfo.InvariantCulture)) : throw new ArgumentException(redis, nameof(redis));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, limit.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync("FLUSHALL\r\n"u8.ToArray(), limit.Token);
        using var reader = new StreamReader(stream);
        if (await reader.ReadLineAsync(limit.Token) is var answer && answer != "+OK")
            throw new InvalidOperationException($"FLUSHALL answered '{answer}'.");
    }
}
