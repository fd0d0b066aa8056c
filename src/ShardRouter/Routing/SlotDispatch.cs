using ShardCore.Ring;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Routing;

/// <summary>Brings operations to the shards that own their slots.</summary>
/// <remarks>
/// The ring only proposes: each shard's fence decides. An operation that was refused was not applied, so it may be sent
/// again, and it is: 1. to the owner that the refusal names, when the ring knows its address; 2. with the ring looked up
/// anew; 3. after a short pause while the slot is being handed over, which takes milliseconds: single writes, and single reads that were refused,
/// are held in <see cref="HeldSlots"/>, where one asks for all. After <see cref="HoldLimit"/> it answers slot-moving. An operation
/// whose outcome is not known is never sent again.
/// </remarks>
internal sealed class SlotDispatch(RingHolder holder, RingWatcher watcher, ShardPools pools, HeldSlots held, RouterMetrics metrics, TimeProvider time)
{
    /// <summary>How long operations on a moving slot are held before they fail.</summary>
    public static readonly TimeSpan HoldLimit = TimeSpan.FromSeconds(2);

    /// <summary>Redis is a hint: a request that is held does not wait longer for it, the hand-over may be over by then.</summary>
    private static readonly TimeSpan RefreshLimit = TimeSpan.FromMilliseconds(200);

    /// <summary>A slot that is being handed over is asked for so often; that is meant to last no more than a few of these.</summary>
    private static readonly TimeSpan LongestProbePause = TimeSpan.FromMilliseconds(8);

    /// <summary>About a quarter of a second of them: what lasts longer has lost its mover, and whoever brings it on needs the machine.</summary>
    private const int QuickProbes = 32;

    /// <summary>An owner answers, or refuses, sooner than this, unless a row is locked or it hangs.</summary>
    private static readonly TimeSpan LeaderLimit = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Sends one operation to the owner of its slot.</summary>
    /// <param name="writes">It is held with the others of its slot while that is handed over; a read, which a frozen slot answers, once it has been refused.</param>
    public async Task<Routed<TResult>> RunOneAsync<TOperation, TResult>(
        TOperation operation, Slot slot, bool writes, Func<ShardPool, TOperation, CancellationToken, Task<Fenced<TResult>>> call, CancellationToken deadline)
    {
        var startedAt = time.GetTimestamp();
        var route = new SlotRoute(slot);
        var (mayBeHeld, leads) = (writes, false);
        try
        {
            for (var round = 0; ; round++)
            {
                if (mayBeHeld && !leads && held.IsHeld(slot) && !await held.WaitAsync(slot, HoldLimit - time.GetElapsedTime(startedAt), time, deadline))
                    return Routed<TResult>.Failed(ShardFailure.SlotMoving, default);
                mayBeHeld = writes; // a read that has waited asks first: a frozen slot would answer it
                if (holder.Current is not { IsEmpty: false } ring)
                    return Routed<TResult>.Failed(ShardFailure.RingUnavailable, default);
                var shard = route.TargetIn(ring);
                var asked = call(pools.Of(shard, ring.Cluster), operation, deadline);
                if (leads && await Task.WhenAny(asked, Task.Delay(LeaderLimit, time, CancellationToken.None)) != asked)
                {
                    held.Release(slot); // it waits for something else than the hand-over: the others shall find out for themselves
                    leads = false;
                }
                var fenced = await asked;
                if (fenced.Refusal is null)
                    return Routed<TResult>.Answer(fenced.Value!, shard.Id);
                metrics.Fenced(shard.Id.Value);
                route.Refusal = fenced.Refusal;
                if (IsOver(startedAt, deadline))
                    return Routed<TResult>.Failed(ShardFailure.SlotMoving, default);
                mayBeHeld = true;
                if (route.TryFollow(ring))
                    _ = watcher.RefreshAsync(CancellationToken.None); // not waited for: we know where to go
                else if (leads || (leads = held.TryLead(slot)))
                    await PauseAsync(ring, fenced.Refusal, round, deadline);
                if (IsOver(startedAt, deadline)) // in the pause: not applied, and not to be sent any more
                    return Routed<TResult>.Failed(ShardFailure.SlotMoving, default);
            }
        }
        catch (ShardCallException e)
        {
            return Routed<TResult>.Failed(e.Failure, route.TargetIn(holder.Current!).Id);
        }
        finally
        {
            if (leads)
                held.Release(slot);
        }
    }

    /// <summary>Sends each operation to the owner of its slot, several shards at the same time.</summary>
    /// <param name="call">Asks one shard for some of the operations and returns their answers in the same order.</param>
    /// <returns>One answer per operation, in their order. A failure of one shard is the answer of its operations only.</returns>
    public async Task<Routed<TResult>[]> RunAsync<TOperation, TResult>(
        IReadOnlyList<TOperation> operations,
        Func<TOperation, Slot> slotOf,
        Func<ShardPool, IReadOnlyList<TOperation>, CancellationToken, Task<Fenced<TResult>[]>> call,
        CancellationToken deadline)
    {
        var answers = new Routed<TResult>[operations.Count];
        List<Pending<TOperation>> pending = [.. operations.Select((operation, i) => new Pending<TOperation>(i, operation, slotOf(operation)))];
        var startedAt = time.GetTimestamp();
        for (var round = 0; ; round++)
        {
            if (holder.Current is not { IsEmpty: false } ring)
                return FailAll(ShardFailure.RingUnavailable);
            var groups = pending.GroupBy(operation => operation.Route.TargetIn(ring).Id);
            await Task.WhenAll(groups.Select(group => RunGroupAsync(ring, group.First().Route.TargetIn(ring), [.. group], call, answers, deadline)));
            pending = [.. pending.Where(operation => operation.Route.Refusal is not null)];
            if (pending.Count == 0)
                return answers;
            if (IsOver(startedAt, deadline))
                return FailAll(ShardFailure.SlotMoving);
            await PrepareNextRoundAsync(ring, pending, round, deadline);
            if (IsOver(startedAt, deadline))
                return FailAll(ShardFailure.SlotMoving);
        }

        Routed<TResult>[] FailAll(ShardFailure failure)
        {
            foreach (var operation in pending)
                answers[operation.Index] = Routed<TResult>.Failed(failure, default);
            return answers;
        }
    }

    private async Task RunGroupAsync<TOperation, TResult>(
        ShardRing ring,
        Shard shard,
        List<Pending<TOperation>> group,
        Func<ShardPool, IReadOnlyList<TOperation>, CancellationToken, Task<Fenced<TResult>[]>> call,
        Routed<TResult>[] answers,
        CancellationToken deadline)
    {
        var pool = pools.Of(shard, ring.Cluster);
        try
        {
            var fenced = await call(pool, [.. group.Select(operation => operation.Operation)], deadline);
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Route.Refusal = fenced[i].Refusal;
                if (fenced[i].Refusal is null)
                    answers[group[i].Index] = Routed<TResult>.Answer(fenced[i].Value!, shard.Id);
                else
                    metrics.Fenced(shard.Id.Value);
            }
        }
        catch (Exception e)
        {
            // Whatever it is, it is this shard's: what others have applied meanwhile must be told.
            if (e is not ShardCallException failed)
            {
                metrics.ShardFailed(shard.Id.Value, ShardFailure.Defect);
                failed = pool.Failed(ShardFailure.Defect, e, sent: true, pool.Circuit.Generation);
            }
            foreach (var operation in group)
            {
                operation.Route.Refusal = null;
                answers[operation.Index] = Routed<TResult>.Failed(failed.Failure, shard.Id);
            }
        }
    }

    private async Task PrepareNextRoundAsync<TOperation>(ShardRing ring, List<Pending<TOperation>> refused, int round, CancellationToken deadline)
    {
        var allFollow = true;
        foreach (var operation in refused)
            allFollow &= operation.Route.TryFollow(ring);
        if (allFollow)
            _ = watcher.RefreshAsync(CancellationToken.None); // not waited for: we know where to go
        else
            await PauseAsync(ring, refused[0].Route.Refusal!, round, deadline);
    }

    private bool IsOver(long startedAt, CancellationToken deadline) => time.GetElapsedTime(startedAt) > HoldLimit || deadline.IsCancellationRequested;

    /// <summary>Until it is worth asking again: a new ring, or a little time.</summary>
    private async Task PauseAsync(ShardRing ring, FenceRefusal refusal, int round, CancellationToken deadline)
    {
        // The owner itself says that the hand-over is under way: there is no new ring yet.
        var isOnItsWay = refusal.State is "frozen" or "importing";
        var longest = isOnItsWay && round < QuickProbes ? LongestProbePause : LongestPause;
        try
        {
            if (!isOnItsWay)
                await RefreshAsync(deadline);
            if (holder.Current?.Epoch == ring.Epoch)
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1 << Math.Min(round, 10), longest.TotalMilliseconds)), time, deadline);
        }
        catch (OperationCanceledException)
        {
            // the caller sees that the time is over
        }
    }

    private async Task RefreshAsync(CancellationToken deadline)
    {
        try
        {
            await watcher.RefreshAsync(deadline).WaitAsync(RefreshLimit, time, deadline);
        }
        catch (TimeoutException)
        {
            // Redis hangs; the shards know
        }
    }

    private sealed class Pending<TOperation>(int index, TOperation operation, Slot slot)
    {
        public SlotRoute Route = new(slot);

        public int Index => index;

        public TOperation Operation => operation;
    }
}
