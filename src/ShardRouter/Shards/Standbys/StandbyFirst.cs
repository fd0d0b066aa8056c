using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards.Standbys;

/// <summary>Asks a standby for what a session reads, if it may, and leaves to the primary whatever comes to nothing there.</summary>
/// <remarks>
/// A standby can only help: whatever is wrong with it, also what nobody foresaw, the primary answers as if there was none. It has a part
/// of the request's time, so that the primary has the rest.
/// </remarks>
internal sealed class StandbyFirst(RouterMetrics metrics)
{
    /// <summary>A standby that is this little behind is waited for, once.</summary>
    private static readonly TimeSpan ReplayPause = TimeSpan.FromMilliseconds(3);

    /// <summary>An item is at the standby within this, or the primary is asked.</summary>
    private static readonly TimeSpan ItemLimit = TimeSpan.FromMilliseconds(500);

    /// <param name="primary">The pool of the shard.</param>
    /// <param name="session">Whose read it is.</param>
    /// <param name="limit">The standby's part of the request's time; null: that of an item.</param>
    /// <param name="ask">Asks a standby.</param>
    /// <param name="refusalOf">Why its answer is none for this session, in a word for metrics; null: it is one.</param>
    /// <param name="deadline">The request's.</param>
    /// <returns>Null: the primary is to be asked.</returns>
    public async Task<T?> TryAsync<T>(
        ShardPool primary, RequestSession session, TimeSpan? limit, Func<ShardPool, CancellationToken, Task<T>> ask,
        Func<T, string?> refusalOf, CancellationToken deadline)
        where T : class
    {
        if (primary.Standbys is not { } standbys || !session.TryStandbysOf(primary.Shard.Id))
            return null;
        if (standbys.Choose() is not { } standby)
        {
            metrics.StandbyFellBack(primary.Name, "None");
            return null;
        }
        using var part = CancellationTokenSource.CreateLinkedTokenSource(deadline);
        part.CancelAfter(limit ?? ItemLimit);
        var why = await AskAsync(standby);
        if (why.Refusal == nameof(ReadRefusal.Behind))
        {
            await Task.Delay(ReplayPause, CancellationToken.None);
            why = await AskAsync(standby);
        }
        if (why.Refusal is null)
        {
            metrics.StandbyRead(primary.Name);
            session.ReadFrom(standby: true);
            return why.Answer;
        }
        metrics.StandbyFellBack(primary.Name, why.Refusal);
        return null;

        async Task<(T? Answer, string? Refusal)> AskAsync(ShardPool standby)
        {
            try
            {
                var answer = await ask(standby, part.Token);
                return (answer, refusalOf(answer));
            }
            catch (ShardCallException e)
            {
                return (null, e.Failure.ToString());
            }
            catch (Exception e) when (e is not ProblemException)
            {
                return (null, nameof(ShardFailure.Defect));
            }
        }
    }
}
