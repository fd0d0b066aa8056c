namespace ShardRouter.Payload;

/// <summary>
/// Decides for each document of an answer whether there is room for it. After the first refusal no later document is let in.
/// </summary>
/// <param name="mostBytes">The most bytes of all documents together.</param>
/// <param name="share">The request's share, in which the documents count; null: they are not counted yet.</param>
internal sealed class AnswerAdmission(long mostBytes, PayloadShare? share)
{
    private readonly long _mostBytes = mostBytes;
    private readonly PayloadShare? _share = share;
    private readonly Lock _gate = new(); // several shards answer at the same time
    private long _bytes;
    private Part? _refusing;
    private LeftOut _why;

    /// <summary>Begins the part of one statement.</summary>
    public Part NewPart() => new(this);

    /// <summary>The documents that one attempt at one shard has brought.</summary>
    internal sealed class Part(AnswerAdmission whole)
    {
        private long _mine;
        private bool _isOver;

        /// <summary>Why later documents are left out; null: all have been let in so far.</summary>
        public LeftOut? Refused => whole._refusing is not null ? whole._why : _isOver ? LeftOut.RouterFull : null;

        /// <param name="bytes">The bytes of one document. The first document of an answer is always small enough.</param>
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

        /// <summary>The attempt is given up. If it still reads, it lets in no more documents.</summary>
        public void End()
        {
            lock (whole._gate)
                _isOver = true;
            Undo();
        }

        /// <summary>The attempt failed and is made again. Its documents are not in the answer.</summary>
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
    /// <summary>The documents that were asked for together are too large for one answer.</summary>
    AnswerFull,

    /// <summary>The router holds as much as it may.</summary>
    RouterFull,
}
