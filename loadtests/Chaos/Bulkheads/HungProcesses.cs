namespace LoadTests.Chaos.Bulkheads;

/// <summary>Which processes of a shard's server hang.</summary>
internal enum HungProcesses
{
    All,

    /// <summary>The postmaster accepts no connection and passes no cancellation on; sessions that are there answer.</summary>
    Postmaster,

    /// <summary>Those that are there when it begins; new ones answer.</summary>
    Children,
}
