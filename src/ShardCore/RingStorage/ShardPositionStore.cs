using System.Text.Json;
using ShardCore.Ring;
using ShardCore.Shards.History;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// Stores the highest position of each shard that any process saw. By it a process that starts later can tell that a shard went back in
/// time. If Redis loses the position, it is unknown until a router or an agent writes it again.
/// </summary>
public sealed class ShardPositionStore(RedisConnection redis, RedisKeys keys)
{
    // The writer's judgement rests on the value in Redis, so that value must not have changed since. ARGV: shard, expected ('': nothing),
    // next.
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

    /// <returns>False: another process wrote meanwhile, and nothing was written now.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<bool> SwapAsync(ShardId shard, PositionWrite write, CancellationToken cancellation)
    {
        var next = JsonSerializer.Serialize(write.Next, RedisJson.Default.KeptPosition);
        RedisValue[] arguments = [shard.Value, write.Expected.Text ?? "", next];
        RedisKey[] scriptKeys = [keys.Positions];
        var written = await redis.CallAsync(database => database.ScriptEvaluateAsync(SwapScript, scriptKeys, arguments), cancellation);
        return (int)written == 1;
    }

    /// <summary>Deletes the position of a shard, because a shard of this name that joins anew has another history.</summary>
    /// <exception cref="RedisUnavailableException" />
    public Task ForgetAsync(ShardId shard, CancellationToken cancellation) =>
        redis.CallAsync(database => database.HashDeleteAsync(keys.Positions, shard.Value), cancellation);

    /// <summary>Writes the positions that these histories have to write.</summary>
    /// <exception cref="RedisUnavailableException" />
    public async Task WriteAsync(IEnumerable<ShardHistory> histories, CancellationToken cancellation)
    {
        foreach (var history in histories)
            if (history.TakeWrite() is { } write)
                await SwapAsync(history.Shard, write, cancellation); // if another process was faster, the next look sees that
    }

    /// <summary>Tells each history what Redis has now.</summary>
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
            return JsonSerializer.Deserialize(text, RedisJson.Default.KeptPosition);
        }
        catch (JsonException)
        {
            return null; // another version or a person wrote it; the next writer replaces it
        }
    }
}
