namespace ShardRouter.Shards;

/// <summary>
/// Decides between sending a call and answering its request. A call whose request was answered is never sent afterwards. A request whose
/// call was not sent is told so.
/// </summary>
internal sealed class CallTurn
{
    private const int Waiting = 0;
    private const int Sent = 1;
    private const int Answered = 2;

    private int _state;

    /// <returns>False: the request was answered already, so the call must not be sent.</returns>
    public bool TrySend() => Interlocked.CompareExchange(ref _state, Sent, Waiting) == Waiting;

    /// <summary>The call that was sent was not applied, and is to be sent again.</summary>
    public void TakeBack() => Interlocked.CompareExchange(ref _state, Waiting, Sent);

    /// <summary>Nobody waits any longer.</summary>
    /// <returns>Whether the call was sent. Then it may still take effect.</returns>
    public bool Answer() => Interlocked.Exchange(ref _state, Answered) == Sent;
}
