namespace Chaos.Recording;

/// <summary>The knowledge of a client about its operation afterwards.</summary>
internal enum OperationOutcome
{
    /// <summary>A write was acknowledged; a read was answered.</summary>
    Ok,

    /// <summary>The answer says that nothing was applied; a read was not answered.</summary>
    Fail,

    /// <summary>
    /// It may have been applied, may still be applied, or never: the connection was lost, the time was over, or a 5xx says so.
    /// </summary>
    Unknown,
}
