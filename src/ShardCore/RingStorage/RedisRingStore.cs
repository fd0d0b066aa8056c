using System.Text.Json;
using ShardCore.Ring;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The ring in Redis: read, and replaced only by compare-and-set. Redis is the place to look a ring up, not the place
/// that decides: that is each shard's own slot ownership.
/// </summary>
public sealed class RedisRingStore(RedisConnection redis, RedisKeys keys)
{
    public const int HistoryLength = 100;

    // One script, so that no reader sees a new ring without its history and no two publishers both win.
    // ARGV: expected epoch ('' = no ring there), new epoch, document, history entry, history length.
    private const string PublishScript = """
        local current = redis.call('GET', KEYS[1])
        local epoch = ''
        if current then
          local ok, ring = pcall(cjson.decode, current)
          if not ok or type(ring) ~= 'table' or type(ring.epoch) ~= 'number' then return 'unreadable' end
          epoch = string.format('%.0f', ring.epoch)
          if tonumber(ARGV[2]) <= ring.epoch then return 'conflict ' .. epoch end
        end
        if epoch ~= ARGV[1] then return 'conflict ' .. epoch end
        redis.call('SET', KEYS[1], ARGV[3])
        redis.call('LPUSH', KEYS[2], ARGV[4])
        redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[5]) - 1)
        redis.call('PUBLISH', KEYS[3], ARGV[2])
        return 'ok'
        """;

    /// <returns>The document as stored, not yet checked, or null when there is none.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<string?> ReadTextAsync(CancellationToken cancellation) =>
        await redis.CallAsync(database => database.StringGetAsync(keys.Ring), cancellation);

    /// <summary>
    /// The last characters of the document, with its checksum: cheap, however many runs the ring has. A good document with another content,
    /// of another epoch or another cluster for instance, has another checksum.
    /// </summary>
    /// <returns>To compare with <see cref="RingDocumentCodec.EndOf"/> of a good document; empty when there is none.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<string> ReadEndAsync(CancellationToken cancellation) =>
        (string?)await redis.CallAsync(database => database.StringGetRangeAsync(keys.Ring, -RingDocumentCodec.EndLength, -1), cancellation) ?? "";

    /// <returns>The ring, or null when there is none.</returns>
    /// <exception cref="BadRingException">What stands there must not be used.</exception>
    /// <exception cref="RedisUnavailableException" />
    public async Task<ShardRing?> ReadAsync(CancellationToken cancellation) =>
        await ReadTextAsync(cancellation) is { } text ? RingDocumentCodec.Read(text) : null;

    /// <summary>Replaces the ring if it is still the one that <paramref name="ring"/> was derived from.</summary>
    /// <param name="expected">The epoch that must stand there; null: no ring must stand there.</param>
    /// <param name="who">Who publishes, for the history: user@host and command.</param>
    /// <exception cref="RedisUnavailableException" />
    public async Task<RingPublishResult> PublishAsync(ShardRing ring, Epoch? expected, string who, string why, CancellationToken cancellation)
    {
        var document = RingDocumentCodec.Write(ring);
        var history = JsonSerializer.Serialize(
            new RingHistoryEntry(DateTimeOffset.UtcNow, who, why, ring.Epoch.Value, document), RingJson.Default.RingHistoryEntry);
        RedisKey[] scriptKeys = [keys.Ring, keys.RingHistory, keys.RingChanged];
        RedisValue[] arguments = [expected?.ToString() ?? "", ring.Epoch.ToString(), document, history, HistoryLength];
        var answer = (string)(await redis.CallAsync(database => database.ScriptEvaluateAsync(PublishScript, scriptKeys, arguments), cancellation))!;
        return answer switch
        {
            "ok" => RingPublishResult.Published,
            "unreadable" => RingPublishResult.Unreadable,
            _ => RingPublishResult.Conflict,
        };
    }

    /// <summary>Removes a document that cannot be read, and only that very one, so that a rebuild can publish.</summary>
    public async Task RemoveUnreadableAsync(string text, CancellationToken cancellation)
    {
        const string script = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
        await redis.CallAsync(database => database.ScriptEvaluateAsync(script, [keys.Ring], [text]), cancellation);
    }

    /// <returns>Newest first, at most <see cref="HistoryLength"/>; entries that cannot be read are left out.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<IReadOnlyList<RingHistoryEntry>> HistoryAsync(CancellationToken cancellation)
    {
        var entries = await redis.CallAsync(database => database.ListRangeAsync(keys.RingHistory, 0, HistoryLength - 1), cancellation);
        return [.. entries.Select(entry => ParseHistory(entry!)).OfType<RingHistoryEntry>()];
    }

    private static RingHistoryEntry? ParseHistory(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, RingJson.Default.RingHistoryEntry);
        }
        catch (JsonException)
        {
            return null; // somebody else's hand; the history is for people, nothing depends on it
        }
    }
}
