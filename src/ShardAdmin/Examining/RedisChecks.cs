using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using StackExchange.Redis;

namespace ShardAdmin.Examining;

/// <summary>Checks that Redis answers, and that it would keep its data over a restart.</summary>
internal static class RedisChecks
{
    /// <exception cref="ShardCore.RingStorage.RedisUnavailableException" />
    public static async Task<IReadOnlyList<Finding>> RunAsync(AdminSession session, CancellationToken cancellation)
    {
        var ping = await session.Redis.CallAsync(database => database.PingAsync(), cancellation);
        return [
            Finding.Ok("redis-reachable", $"{session.Redis.Endpoint} answers in {ping.TotalMilliseconds:0.0} ms."),
            await PersistenceAsync(session, cancellation)];
    }

    private static async Task<Finding> PersistenceAsync(AdminSession session, CancellationToken cancellation)
    {
        const string mend = "redis-cli config set appendonly yes, and in redis.conf: appendonly yes";
        try
        {
            var info = (string?)await session.Redis.CallAsync(database => database.ExecuteAsync("INFO", "persistence"), cancellation) ?? "";
            return info.Contains("aof_enabled:1", StringComparison.Ordinal)
                ? Finding.Ok("redis-persistence", "The append-only file is on.")
                : new Finding(
                    "redis-persistence", FindingLevel.Warning,
                    "The append-only file is off: in a restart Redis would lose the ring (it can be rebuilt) and the ring's history (it "
                    + "cannot).", mend);
        }
        catch (RedisServerException e)
        {
            return new Finding("redis-persistence", FindingLevel.Warning, $"Redis does not say: {e.Message}", mend);
        }
    }
}
