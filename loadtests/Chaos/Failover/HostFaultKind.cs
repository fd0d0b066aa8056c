namespace Chaos.Failover;

/// <summary>The kinds of faults of the host that is a shard's primary.</summary>
internal enum HostFaultKind
{
    /// <summary>Postgres with all its sessions is killed with kill -9; Patroni lives.</summary>
    KillPostgres,

    /// <summary>Postgres and Patroni are killed with kill -9, as if the machine lost its power.</summary>
    KillAll,

    /// <summary>Postgres and Patroni are stopped with SIGSTOP, as if the machine hung, and continued later.</summary>
    HangAll,

    /// <summary>Patroni is killed with kill -9; Postgres keeps running.</summary>
    KillPatroni,

    /// <summary>Patroni is stopped with SIGSTOP; Postgres keeps running.</summary>
    HangPatroni,

    /// <summary>No packet reaches or leaves the host; connections within the host work.</summary>
    CutOff,

    /// <summary>Only etcd is out of the host's reach.</summary>
    CutFromEtcd,

    /// <summary>Only the other host of the shard is out of reach.</summary>
    CutFromStandby,

    /// <summary>etcd and the other host are out of reach; clients still reach the host.</summary>
    CutFromBoth,

    /// <summary>A person makes the standby take over.</summary>
    Switchover,
}
