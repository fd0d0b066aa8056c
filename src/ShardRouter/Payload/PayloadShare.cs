using ShardRouter.Http;

namespace ShardRouter.Payload;

/// <summary>What one request has taken of the <see cref="PayloadBudget"/>, until its answer has left.</summary>
internal sealed class PayloadShare : IDisposable
{
    /// <summary>Less is not counted: a request costs more than that whatever it carries, and their number is bounded elsewhere.</summary>
    public const int UncountedBytes = 4 * 1024;

    private long _taken;

    /// <summary>Bytes.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>The request's own, made when it first needs one.</summary>
    public static PayloadShare Of(HttpContext context)
    {
        if (context.Features.Get<PayloadShare>() is { } share)
            return share;
        share = new PayloadShare();
        context.Features.Set(share);
        return share;
    }

    /// <summary>When the answer has left.</summary>
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
        if (bytes > UncountedBytes && !TryTake(bytes))
            throw new ProblemException(Problems.RouterOverloaded());
    }

    /// <returns>False: there is no room.</returns>
    public bool TryTake(long bytes)
    {
        if (!PayloadBudget.Process.TryTake(bytes))
            return false;
        Interlocked.Add(ref _taken, bytes);
        return true;
    }

    /// <summary>For an answer that must be told, as something has been done.</summary>
    public void Take(long bytes)
    {
        PayloadBudget.Process.Take(bytes);
        Interlocked.Add(ref _taken, bytes);
    }

    public void Dispose() => PayloadBudget.Process.Release(Interlocked.Exchange(ref _taken, 0));
}
