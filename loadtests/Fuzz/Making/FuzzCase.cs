namespace Fuzz.Making;

internal enum CaseKind
{
    /// <summary>One well-formed request, right or wrong.</summary>
    Request,

    /// <summary>Several well-formed requests at once, on one connection.</summary>
    Pipeline,

    /// <summary>A request with changed bytes.</summary>
    Mutated,

    /// <summary>No HTTP at all.</summary>
    Noise,

    /// <summary>A request that comes in pieces, and often not whole; the connection is broken off.</summary>
    BrokenOff,
}

/// <param name="Request">Null: nobody knows what it is.</param>
/// <param name="Answers">How many answers there must be; null: nobody knows.</param>
internal sealed record FuzzCase(CaseKind Kind, byte[] Bytes, FuzzRequest? Request, int? Answers);
