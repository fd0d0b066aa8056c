using ShardAdmin.CommandLine;
using ShardCore.RingStorage;

namespace ShardAdmin.Operations;

/// <summary>
/// Knows which agents run: each keeps a key in Redis that expires by itself. Only people need this; agents do not need each other.
/// </summary>
internal static class AgentRegistry
{
    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(15);

    /// <exception cref="RedisUnavailableException" />
    public static Task WriteAsync(AdminSession session, string agent, CancellationToken cancellation)
    {
        var keys = new RedisKeys(session.Settings.Cluster);
        return session.Redis.CallAsync(
            async database =>
            {
                await database.StringSetAsync(keys.Agent(agent), AdminSession.Who, Expiry);
                return await database.SetAddAsync(keys.Agents, agent);
            },
            cancellation);
    }

    /// <exception cref="RedisUnavailableException" />
    public static Task RemoveAsync(AdminSession session, string agent, CancellationToken cancellation)
    {
        var keys = new RedisKeys(session.Settings.Cluster);
        return session.Redis.CallAsync(
            async database => await database.KeyDeleteAsync(keys.Agent(agent)) | await database.SetRemoveAsync(keys.Agents, agent),
            cancellation);
    }

    /// <exception cref="RedisUnavailableException" />
    public static Task<int> CountAsync(AdminSession session, CancellationToken cancellation)
    {
        var keys = new RedisKeys(session.Settings.Cluster);
        return session.Redis.CallAsync(
            async database =>
            {
                var alive = 0;
                foreach (var agent in await database.SetMembersAsync(keys.Agents))
                    if (await database.KeyExistsAsync(keys.Agent(agent!)))
                        alive++;
                    else
                        await database.SetRemoveAsync(keys.Agents, agent); // it died without leaving
                return alive;
            },
            cancellation);
    }

    /// <summary>Warns a person who leaves an operation to agents while no agent runs.</summary>
    public static async Task WarnWithoutAgentAsync(AdminSession session, Guid operation, CancellationToken cancellation)
    {
        if (await CountAsync(session, cancellation) == 0)
            session.Output.Warn(
                $"No agent runs, so nothing moves yet. Start one (shardadmin agent), or: shardadmin ops resume {operation}");
    }
}
