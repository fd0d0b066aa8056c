using System.Text.Json;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// Reads the ring in Redis, and replaces it only by compare-and-set. Programs look the ring up in Redis, but Redis does not decide: each
/// shard's own slot ownership does.
/// </summary>
public sealed class RedisRingStore(RedisConnection redis, RedisKeys keys)
{
    public const int HistoryLength = 100;

    // This is one script, so no reader sees a new ring without its history, and of two publishers only one wins.
    // ARGV: expected epoch ('': no ring is there), new epoch, document, history entry, history length.
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

    /// <returns>The document as it is stored, not checked yet; null if there is none.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<string?> ReadTextAsync(CancellationToken cancellation) =>
        await redis.CallAsync(database => database.StringGetAsync(keys.Ring), cancellation);

    /// <summary>
    /// Reads the last characters of the document, which have its checksum. This is cheap, however many runs the ring has. A good document
    /// with other content, for instance of another epoch or another cluster, has another checksum.
    /// </summary>
    /// <returns>Compare this with <see cref="RingDocumentCodec.EndOf"/> of a good document. It is empty if there is no document.</returns>
    /// <exception cref="RedisUnavailableException" />
    public async Task<string> ReadEndAsync(CancellationToken cancellation) =>
        (string?)await redis.CallAsync(
            database => database.StringGetRangeAsync(keys.Ring, -RingDocumentCodec.EndLength, -1), cancellation) ?? "";

    /// <returns>The ring, or null when there is none.</returns>
    /// <exception cref="BadRingException">The document in Redis must not be used.</exception>
    /// <exception cref="RedisUnavailableException" />
    public async Task<ShardRing?> ReadAsync(CancellationToken cancellation) =>
        await ReadTextAsync(cancellation) is { } text ? RingDocumentCodec.Read(text) : null;

    /// <summary>Replaces the ring if it is still the one that <paramref name="ring"/> was derived from.</summary>
    /// <param name="expected">The epoch that Redis must have; null: Redis must have no ring.</param>
    /// <param name="who">Who publishes: user@host and command. This goes into the history.</param>
    /// <exception cref="RedisUnavailableException" />
    public async Task<RingPublishResult> PublishAsync(
        ShardRing ring, Epoch? expected, string who, string why, CancellationToken cancellation)
    {
        var document = RingDocumentCodec.Write(ring);
        var history = JsonSerializer.Serialize(
            new RingHistoryEntry(DateTimeOffset.UtcNow, who, why, ring.Epoch.Value, document), RedisJson.Default.RingHistoryEntry);
        RedisKey[] scriptKeys = [keys.Ring, keys.RingHistory, keys.RingChanged];
        RedisValue[] arguments = [expected?.ToString() ?? "", ring.Epoch.ToString(), document, history, HistoryLength];
        var answer = (string)(await redis.CallAsync(
            database => database.ScriptEvaluateAsync(PublishScript, scriptKeys, arguments), cancellation))!;
        return answer switch
        {
            "ok" => RingPublishResult.Published,
            "unreadable" => RingPublishResult.Unreadable,
            _ => RingPublishResult.Conflict,
        };
    }

    /// <summary>Removes a document that cannot be read, but only if it is exactly this one. A rebuild can then publish.</summary>
    public async Task RemoveUnreadableAsync(string text, CancellationToken cancellation)
    {
        const string script = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
        await redis.CallAsync(database => database.ScriptEvaluateAsync(script, [keys.Ring], [text]), cancellation);
    }

    /// <returns>At most <see cref="HistoryLength"/> entries, the newest first. Entries that cannot be read are left out.</returns>
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
            return JsonSerializer.Deserialize(text, RedisJson.Default.RingHistoryEntry);
        }
        catch (JsonException)
        {
            return null; // not written by this program; the history is for people, and nothing depends on it
        }
    }
}

/// <summary>One published ring in the history: what it was, when, by whom and why.</summary>
/// <param name="At">UTC, by the publisher's clock. It is for people; no decision rests on it.</param>
/// <param name="Document">The ring document as it was published.</param>
public sealed record RingHistoryEntry(DateTimeOffset At, string Who, string Why, long Epoch, string Document);

/// <summary>The result of a compare-and-set of the ring.</summary>
public enum RingPublishResult
{
    Published,

    /// <summary>Redis has another ring; nothing was changed. Read it and plan again.</summary>
    Conflict,

    /// <summary>What Redis has is not a ring; nothing was changed. <c>ring rebuild</c> makes a new one.</summary>
    Unreadable,
}
