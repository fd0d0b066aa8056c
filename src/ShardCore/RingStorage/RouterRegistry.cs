using System.Text.Json;
using StackExchange.Redis;

namespace ShardCore.RingStorage;

/// <summary>
/// The registry of the routers that serve: each writes a heartbeat, which expires by itself. It is for people and tools. The proxy finds
/// routers by its own health checks, and no correctness depends on the registry.
/// </summary>
public sealed class RouterRegistry(RedisConnection redis, RedisKeys keys)
{
    /// <summary>The time of five missed heartbeats.</summary>
    public static readonly TimeSpan Expiry = TimeSpan.FromSeconds(5);

    /// <exception cref="RedisUnavailableException" />
    public Task WriteAsync(RouterHeartbeat heartbeat, CancellationToken cancellation)
    {
        var text = JsonSerializer.Serialize(heartbeat, RedisJson.Default.RouterHeartbeat);
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
    public Task<IReadOnlyList<RouterHeartbeat>> ListAsync(CancellationToken cancellation) =>
        redis.CallAsync<IReadOnlyList<RouterHeartbeat>>(
        async database =>
        {
            var ids = await database.SetMembersAsync(keys.Routers);
            var found = new List<RouterHeartbeat>();
            foreach (var id in ids)
            {
                string? text = await database.StringGetAsync(keys.Router(id!));
                if (text is null)
                    await database.SetRemoveAsync(keys.Routers, id); // the router died without leaving
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
            return JsonSerializer.Deserialize(text, RedisJson.Default.RouterHeartbeat);
        }
        catch (JsonException)
        {
            return null; // a router of another version: it is left out, so that the list does not fail
        }
    }
}

/// <summary>A router's entry in the registry, which it writes once a second.</summary>
/// <param name="Url">The URL of the router's data port.</param>
/// <param name="Epoch">The epoch of the ring by which the router routes; 0 while it has none.</param>
/// <param name="InFlight">The number of requests that are being answered.</param>
/// <param name="Draining">The router is about to leave and takes no new work.</param>
public sealed record RouterHeartbeat(
    string Id, string Url, string OperationsUrl, int Pid, long Epoch, string Version, int InFlight, bool Draining, DateTimeOffset At);
