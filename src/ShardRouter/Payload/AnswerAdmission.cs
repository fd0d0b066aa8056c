namespace ShardRouter.Payload;

/// <summary>Says of each document of an answer whether there is room for it; once there was none, no later one is let in.</summary>
/// <param name="mostBytes">Of all together.</param>
/// <param name="share">Where they count; null: nowhere yet.</param>
internal sealed class AnswerAdmission(long mostBytes, PayloadShare? share)
{
    private readonly long _mostBytes = mostBytes;
    private readonly PayloadShare? _share = share;
    private readonly Lock _gate = new(); // several shards answer at the same time
    private long _bytes;
    private Part? _refusing;
    private LeftOut _why;

    /// <summary>What one statement brings.</summary>
    public Part NewPart() => new(this);

    /// <summary>The documents that one attempt at one shard has brought.</summary>
    internal sealed class Part(AnswerAdmission whole)
    {
        private long _mine;
        private bool _isOver;

        /// <summary>Why the later ones are left out; null: all have come in so far.</summary>
        public LeftOut? Refused => whole._refusing is not null ? whole._why : _isOver ? LeftOut.RouterFull : null;

        /// <param name="bytes">Of one document. The first of all is always small enough.</param>
        public bool TryAdmit(int bytes)
        {
            lock (whole._gate)
            {
                if (whole._refusing is not null || _isOver)
                    return false;
                if (whole._bytes > 0 && whole._bytes + bytes > whole._mostBytes)
                    (whole._refusing, whole._why) = (this, LeftOut.AnswerFull);
                else if (whole._share?.TryTake(bytes) == false)
                    (whole._refusing, whole._why) = (this, LeftOut.RouterFull);
                else
                    (whole._bytes, _mine) = (whole._bytes + bytes, _mine + bytes);
                return whole._refusing is null;
            }
        }

        /// <summary>The attempt is given up; whoever still reads for it admits nothing any more.</summary>
        public void End()
        {
            lock (whole._gate)
                _isOver = true;
            Undo();
        }

        /// <summary>The attempt failed and is made again: what it brought is not in the answer.</summary>
        public void Undo()
        {
            lock (whole._gate)
            {
                whole._bytes -= _mine;
                whole._share?.GiveBack(_mine);
                _mine = 0;
                if (whole._refusing == this)
                    whole._refusing = null;
            }
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
