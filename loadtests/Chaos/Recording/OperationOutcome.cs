namespace LoadTests.Chaos.Recording;

/// <summary>What a client knows of its operation afterwards.</summary>
internal enum OperationOutcome
{
    /// <summary>Acknowledged; of a read: answered.</summary>
    Ok,

    /// <summary>Answered that nothing was applied; of a read: no answer.</summary>
    Fail,

    /// <summary>It may have been applied, may be applied yet, or never: a lost connection, a timeout, a 5xx that says so.</summary>
    Unknown,
}
