namespace LoadTests.Chaos.Recording;

/// <summary>What the operations of the workloads are. Checkers tell them by these.</summary>
internal enum OperationKind
{
    /// <summary>Reads an item, or all that the partition has.</summary>
    Read,

    /// <summary>Writes an item unless it exists (If-None-Match: *).</summary>
    Create,

    /// <summary>Writes an item if it still has the version named (If-Match).</summary>
    Replace,

    /// <summary>Writes an item whatever there is.</summary>
    Put,

    /// <summary>Changes a field of an item, which must exist (merge patch), perhaps only if it still has the version named.</summary>
    Patch,

    /// <summary>Deletes an item, perhaps only if it still has the version named.</summary>
    Delete,

    /// <summary>Moves money between accounts, with a row in the ledger.</summary>
    Transfer,

    /// <summary>Reads which transfers are in the ledger.</summary>
    ReadLedger,
}
