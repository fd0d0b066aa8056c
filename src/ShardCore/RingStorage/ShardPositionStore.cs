using System.Text.Json;
using ShardCore.Ring;
using ShardCore.Shards.History;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The highest position of each shard that anybody saw, so that a process which starts later can tell that a shard went back in time.
/// If Redis loses it, nothing is known until a router or an agent writes it again.
/// </summary>
public sealed class ShardPositionStore(RedisConnection redis, RedisKeys keys)
{
    // Whoever writes has judged what stands there, so it must still stand there. ARGV: shard, expected ('' = nothing), next.
    private const string SwapScript = """
        if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
        return 1
        """;

    /// <returns>By shard id.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<IReadOnlyDictionary<string, StoredPosition>> ReadAsync(CancellationToken cancellation)
    {
        var entries = await redis.CallAsync(database => database.HashGetAllAsync(keys.Positions), cancellation);
        return entries.ToDictionary(
            entry => (string)entry.Name!, entry => new StoredPosition(entry.Value, Parse(entry.Value!)), StringComparer.Ordinal);
    }

    /// <returns>False: somebody else wrote meanwhile, and nothing was written.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<bool> SwapAsync(ShardId shard, PositionWrite write, CancellationToken cancellation)
    {
        var next = JsonSerializer.Serialize(write.Next, RingJson.Default.KeptPosition);
        RedisValue[] arguments = [shard.Value, write.Expected.Text ?? "", next];
        RedisKey[] scriptKeys = [keys.Positions];
        var written = await redis.CallAsync(database => database.ScriptEvaluateAsync(SwapScript, scriptKeys, arguments), cancellation);
        return (int)written == 1;
    }

    /// <summary>A shard of this name that joins anew has another history.</summary>
    /// <exception cref="RedisUnavailableException" />
    public Task ForgetAsync(ShardId shard, CancellationToken cancellation) =>
        redis.CallAsync(database => database.HashDeleteAsync(keys.Positions, shard.Value), cancellation);

    /// <summary>Writes what these have to write.</summary>
    /// <exception cref="RedisUnavailableException" />
    public async Task WriteAsync(IEnumerable<ShardHistory> histories, CancellationToken cancellation)
    {
        foreach (var history in histories)
            if (history.TakeWrite() is { } write)
                await SwapAsync(history.Shard, write, cancellation); // if another was faster, the next look sees that
    }

    /// <summary>Tells each what Redis has now.</summary>
    /// <exception cref="RedisUnavailableException" />
    public async Task ReadAsync(IReadOnlyCollection<ShardHistory> histories, CancellationToken cancellation)
    {
        var stored = await ReadAsync(cancellation);
        foreach (var history in histories)
            history.Stored = stored.GetValueOrDefault(history.Shard.Value) ?? StoredPosition.None;
    }

    private static KeptPosition? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, RingJson.Default.KeptPosition);
        }
        catch (JsonException)
        {
            return null; // another version's, or somebody's hand; the next writer replaces it
        }
    }
}
