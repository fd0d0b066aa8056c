namespace ShardRouter.Payload;

/// <summary>Says of each document of an answer whether there is room for it; once there was none, no later one is let in.</summary>
/// <param name="mostBytes">Of all together.</param>
/// <param name="share">Where they count; null: nowhere yet.</param>
internal sealed class AnswerAdmission(long mostBytes, PayloadShare? share)
{
    private readonly Lock _gate = new(); // several shards answer at the same time
    private long _bytes;

    /// <summary>Why the later ones are left out; null: all have come in so far.</summary>
    public LeftOut? Refused { get; private set; }

    /// <param name="bytes">Of one document. The first is always small enough.</param>
    public bool TryAdmit(int bytes)
    {
        lock (_gate)
        {
            if (Refused is not null)
                return false;
            if (_bytes > 0 && _bytes + bytes > mostBytes)
                Refused = LeftOut.AnswerFull;
            else if (share?.TryTake(bytes) == false)
                Refused = LeftOut.RouterFull;
            else
                _bytes += bytes;
            return Refused is null;
        }
    }
}

/// <summary>Why a document is not in an answer.</summary>
internal enum LeftOut
{
    /// <summary>The documents that were asked for together are too large together.</summary>
    AnswerFull,

    /// <summary>The router holds as much as it may.</summary>
    RouterFull,
}
