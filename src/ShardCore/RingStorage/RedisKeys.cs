namespace ShardCore.RingStorage;

/// <summary>The names of all keys and channels of this product in Redis.</summary>
public sealed class RedisKeys(string clusterName)
{
    // The braces put all keys into one slot of a Redis Cluster, because a Lua script needs that.
    private readonly string _prefix = $"sharding:{{{clusterName}}}:";

    /// <summary>String: the ring document.</summary>
    public string Ring => _prefix + "ring";

    /// <summary>Pub/sub channel: the epoch that was just published. It is a hint; readers also poll.</summary>
    public string RingChanged => _prefix + "ring:changed";

    /// <summary>Pub/sub channel: the id of a shard whose primary changed. It is a hint; routers also look themselves.</summary>
    public string TakenOver => _prefix + "taken-over";

    /// <summary>List, newest first: the last <see cref="RedisRingStore.HistoryLength"/> published rings.</summary>
    public string RingHistory => _prefix + "ring:history";

    /// <summary>String with expiry: one router's heartbeat.</summary>
    public string Router(string routerId) => _prefix + "router:" + routerId;

    /// <summary>Set: the ids of routers that registered. Readers remove those whose heartbeat has expired.</summary>
    public string Routers => _prefix + "routers";

    /// <summary>String with expiry: the mark that an agent lives.</summary>
    public string Agent(string agentId) => _prefix + "agent:" + agentId;

    /// <summary>Set: the ids of agents that registered. Readers remove those whose mark has expired.</summary>
    public string Agents => _prefix + "agents";

    /// <summary>Hash by shard id: the highest position that any process saw (<see cref="KeptPosition"/>).</summary>
    public string Positions => _prefix + "positions";

    /// <summary>String: the newest backup point (<see cref="LastBackupPoint"/>).</summary>
    public string BackupPoint => _prefix + "backup-point";
}
