using System.Text.Json;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// Which routers serve: each writes a heartbeat that expires by itself. For people and tools; the proxy finds routers
/// by its own health checks and no correctness depends on this.
/// </summary>
public sealed class RouterRegistry(RedisConnection redis, RedisKeys keys)
{
    /// <summary>Five missed heartbeats.</summary>
    public static readonly TimeSpan Expiry = TimeSpan.FromSeconds(5);

    /// <exception cref="RedisUnavailableException" />
    public Task WriteAsync(RouterHeartbeat heartbeat, CancellationToken cancellation)
    {
        var text = JsonSerializer.Serialize(heartbeat, RingJson.Default.RouterHeartbeat);
        return redis.CallAsync(
            async database =>
            {
                await database.StringSetAsync(keys.Router(heartbeat.Id), text, Expiry);
                return await database.SetAddAsync(keys.Routers, heartbeat.Id);
            },
            cancellation);
    }

    /// <exception cref="RedisUnavailableException" />
    public Task RemoveAsync(string routerId, CancellationToken cancellation) => redis.CallAsync(
        async database =>
        {
            await database.KeyDeleteAsync(keys.Router(routerId));
            return await database.SetRemoveAsync(keys.Routers, routerId);
        },
        cancellation);

    /// <returns>The routers whose heartbeat has not expired, by id.</returns>
    /// <exception cref="RedisUnavailableException" />
    public Task<IReadOnlyList<RouterHeartbeat>> ListAsync(CancellationToken cancellation) => redis.CallAsync<IReadOnlyList<RouterHeartbeat>>(
        async database =>
        {
            var ids = await database.SetMembersAsync(keys.Routers);
            var found = new List<RouterHeartbeat>();
            foreach (var id in ids)
            {
                string? text = await database.StringGetAsync(keys.Router(id!));
                if (text is null)
                    await database.SetRemoveAsync(keys.Routers, id); // it died without leaving
                else if (Parse(text) is { } heartbeat)
                    found.Add(heartbeat);
            }
            return [.. found.OrderBy(router => router.Id, StringComparer.Ordinal)];
        },
        cancellation);

    private static RouterHeartbeat? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, RingJson.Default.RouterHeartbeat);
        }
        catch (JsonException)
        {
            return null; // a router of another version; it is left out rather than failing the list
        }
    }
}
