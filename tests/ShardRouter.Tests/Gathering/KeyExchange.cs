namespace ShardRouter.Tests.Gathering;

internal enum KeyAct
{
    Put,
    Patch,
    BadPatch,
    Delete,
    Get,
}

/// <summary>What a client sent about one item, and what it was told.</summary>
/// <param name="Number">Of its own: PUT makes the document {"w":Number}, PATCH sets p to it.</param>
/// <param name="IfMatch">Or null.</param>
/// <param name="Absent">If-None-Match: *.</param>
/// <param name="Start">Before it was sent, on a clock that all clients share.</param>
/// <param name="End">After its answer had been read.</param>
/// <param name="ETag">Of the answer; of a 412 the current one, null when there is no item.</param>
/// <param name="Document">Of a GET.</param>
internal sealed record KeyExchange(
    KeyAct Act, int Number, string? IfMatch, bool Absent, long Start, long End, int Status, string? ETag = null, KeyDocument? Document = null)
{
    public bool IsWrite => Act is KeyAct.Put or KeyAct.Patch && Status is 200 or 201;

    public bool IsDelete => Act == KeyAct.Delete && Status == 204;
}

internal sealed record KeyDocument(int Put, int? Patch);
