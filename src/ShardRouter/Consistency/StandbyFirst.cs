using ShardRouter.Outcomes;
using ShardRouter.Refusals;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Consistency;

/// <summary>Asks a standby for what a session reads, if the session allows it. Everything that fails there goes to the primary.</summary>
/// <remarks>
/// A standby can only help. Whatever is wrong with it, foreseen or not, the primary answers as if there were no standby. The standby has
/// a part of the request's time, so the primary has the rest.
/// </remarks>
internal sealed class StandbyFirst(RouterMetrics metrics)
{
    /// <summary>The router waits this long for a standby that is behind, once.</summary>
    private static readonly TimeSpan ReplayPause = TimeSpan.FromMilliseconds(3);

    /// <summary>The standby must answer for an item within this time, or the primary is asked.</summary>
    private static readonly TimeSpan ItemLimit = TimeSpan.FromMilliseconds(500);

    /// <param name="primary">The pool of the shard's primary.</param>
    /// <param name="session">The session that reads.</param>
    /// <param name="limit">The standby's part of the request's time; null: the limit for an item.</param>
    /// <param name="ask">Asks a standby.</param>
    /// <param name="refusalOf">Why the session must not get the answer, in a word for metrics; null: it may get it.</param>
    /// <param name="deadline">The request's deadline.</param>
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

        async Task<(T? Answer, string? Refusal)> AskAsync(StandbyPool standby)
        {
            try
            {
                var answer = await ask(standby.Pool, part.Token);
                return (answer, refusalOf(answer));
            }
            catch (ShardCallException e)
            {
                if (e.Failure == ShardFailure.DeadlineExceeded && !deadline.IsCancellationRequested)
                    standby.WasLate();
                return (null, e.Failure.ToString());
            }
            catch (Exception e) when (e is not ProblemException)
            {
                return (null, nameof(ShardFailure.Defect));
            }
        }
    }
}
