namespace TestCluster;

/// <summary>How a Postgres server is asked to stop.</summary>
public enum PostgresShutdown
{
    /// <summary>Rolls open transactions back, closes connections, writes a checkpoint.</summary>
    Fast,

    /// <summary>Ends all at once without a checkpoint; the next start recovers from the WAL.</summary>
    Immediate,
}
