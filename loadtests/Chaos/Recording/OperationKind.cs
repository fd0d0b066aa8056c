namespace Chaos.Recording;

/// <summary>The kinds of operations of the workloads. Checkers distinguish operations by their kind.</summary>
internal enum OperationKind
{
    /// <summary>Reads an item, or all items of the partition.</summary>
    Read,

    /// <summary>Writes an item if it does not exist (If-None-Match: *).</summary>
    Create,

    /// <summary>Writes an item if it still has the named version (If-Match).</summary>
    Replace,

    /// <summary>Writes an item without a condition.</summary>
    Put,

    /// <summary>Changes a field of an existing item (merge patch), sometimes only if it still has the named version.</summary>
    Patch,

    /// <summary>Deletes an item, sometimes only if it still has the named version.</summary>
    Delete,

    /// <summary>Moves money between accounts, and writes a row into the ledger.</summary>
    Transfer,

    /// <summary>Reads the transfers in the ledger.</summary>
    ReadLedger,
}
