namespace TestCluster;

/// <summary>Which processes of a server hang.</summary>
public enum PostgresProcesses
{
    All,

    /// <summary>The postmaster accepts no connection and passes no cancellation on; sessions that are there answer.</summary>
    Postmaster,

    /// <summary>Those that are there now, with what they run; new ones answer.</summary>
    Children,
}
