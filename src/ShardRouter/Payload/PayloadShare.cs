using ShardRouter.Refusals;

namespace ShardRouter.Payload;

/// <summary>The bytes that one request has taken from the <see cref="PayloadBudget"/>, until its answer has left.</summary>
internal sealed class PayloadShare : IDisposable
{
    /// <summary>
    /// A request's first bytes are not counted: a request costs more than that in any case, and the number of requests is bounded
    /// elsewhere.
    /// </summary>
    public const int UncountedBytes = 4 * 1024;

    private readonly Lock _gate = new();
    private long _uncounted = UncountedBytes;
    private long _taken;
    private bool _isOver;

    /// <summary>The request's own share. It is made when it is first needed.</summary>
    public static PayloadShare Of(HttpContext context)
    {
        if (context.Features.Get<PayloadShare>() is { } share)
            return share;
        share = new PayloadShare();
        context.Features.Set(share);
        return share;
    }

    /// <summary>Called when the answer has left.</summary>
    public static void End(HttpContext context)
    {
        if (context.Features.Get<PayloadShare>() is not { } share)
            return;
        context.Features.Set<PayloadShare>(null);
        share.Dispose();
    }

    /// <exception cref="ProblemException">overloaded.</exception>
    public void Require(long bytes)
    {
        if (!TryTake(bytes))
            throw new ProblemException(Problems.RouterOverloaded());
    }

    /// <returns>
    /// False: there is no room. Or the request is over: a call that still reads an answer for it, because the shard hung, need not go on.
    /// </returns>
    public bool TryTake(long bytes)
    {
        lock (_gate)
        {
            var counted = Math.Max(bytes - _uncounted, 0);
            if (_isOver || !PayloadBudget.Process.TryTake(counted))
                return false;
            Took(bytes, counted);
            return true;
        }
    }

    /// <summary>For an answer that must be given, because something has been done.</summary>
    public void Take(long bytes)
    {
        lock (_gate)
        {
            if (_isOver)
                return;
            var counted = Math.Max(bytes - _uncounted, 0);
            PayloadBudget.Process.Take(counted);
            Took(bytes, counted);
        }
    }

    /// <summary>Gives back bytes that are not needed after all.</summary>
    public void GiveBack(long bytes)
    {
        lock (_gate)
        {
            var counted = Math.Min(bytes, _taken);
            _taken -= counted;
            PayloadBudget.Process.Release(counted);
        }
    }

    private void Took(long bytes, long counted)
    {
        _uncounted -= Math.Min(bytes, _uncounted);
        _taken += counted;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            PayloadBudget.Process.Release(_taken);
            _taken = 0;
        }
    }
}
