namespace Chaos.Bulkheads;

/// <summary>The processes of a shard's server that hang.</summary>
internal enum HungProcesses
{
    All,

    /// <summary>The postmaster accepts no connection and forwards no cancellation; existing sessions answer.</summary>
    Postmaster,

    /// <summary>The existing sessions hang; new ones answer.</summary>
    Children,
}
