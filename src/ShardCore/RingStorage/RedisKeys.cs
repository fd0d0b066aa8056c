namespace ShardCore.RingStorage;

/// <summary>The names of everything this product keeps in Redis.</summary>
public sealed class RedisKeys(string clusterName)
{
    private readonly string _prefix = $"sharding:{{{clusterName}}}:"; // braces: one Redis Cluster slot for one Lua script

    /// <summary>String: the ring document.</summary>
    public string Ring => _prefix + "ring";

    /// <summary>Pub/sub channel: the epoch just published. A hint; readers also poll.</summary>
    public string RingChanged => _prefix + "ring:changed";

    /// <summary>Pub/sub channel: the id of a shard that has another primary. A hint; routers also look.</summary>
    public string TakenOver => _prefix + "taken-over";

    /// <summary>List, newest first: the last <see cref="RedisRingStore.HistoryLength"/> published rings.</summary>
    public string RingHistory => _prefix + "ring:history";

    /// <summary>String with expiry: one router's heartbeat.</summary>
    public string Router(string routerId) => _prefix + "router:" + routerId;

    /// <summary>Set: the ids of routers that registered; those whose heartbeat expired are removed by readers.</summary>
    public string Routers => _prefix + "routers";

    /// <summary>String with expiry: an agent lives.</summary>
    public string Agent(string agentId) => _prefix + "agent:" + agentId;

    /// <summary>Set: the ids of agents that registered; those whose mark expired are removed by readers.</summary>
    public string Agents => _prefix + "agents";

    /// <summary>Hash by shard id: the highest position that was seen (<see cref="KeptPosition"/>).</summary>
    public string Positions => _prefix + "positions";

    /// <summary>String: the newest backup point (<see cref="LastBackupPoint"/>).</summary>
    public string BackupPoint => _prefix + "backup-point";
}
