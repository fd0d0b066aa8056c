namespace LoadTests.Chaos.Failover;

/// <summary>What happens to the host that is a shard's primary.</summary>
internal enum HostFaultKind
{
    /// <summary>kill -9 of Postgres with all its sessions; Patroni lives.</summary>
    KillPostgres,

    /// <summary>kill -9 of Postgres and Patroni, as when the machine goes off.</summary>
    KillAll,

    /// <summary>SIGSTOP of Postgres and Patroni, as when the machine hangs; continued later.</summary>
    HangAll,

    /// <summary>kill -9 of Patroni; Postgres goes on.</summary>
    KillPatroni,

    /// <summary>SIGSTOP of Patroni; Postgres goes on.</summary>
    HangPatroni,

    /// <summary>No packet comes or goes, but within the host.</summary>
    CutOff,

    /// <summary>Only etcd is out of reach.</summary>
    CutFromEtcd,

    /// <summary>Only the other host of the shard is out of reach.</summary>
    CutFromStandby,

    /// <summary>Etcd and the other host are out of reach; clients still reach it.</summary>
    CutFromBoth,

    /// <summary>A person has the standby take over.</summary>
    Switchover,
}
