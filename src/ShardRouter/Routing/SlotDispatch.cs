using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Rings;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Routing;

/// <summary>Sends operations to the shards that own their slots.</summary>
/// <remarks>
/// The ring only proposes: each shard's fence decides. An operation that was refused was not applied, so it may be sent again, and it is:
/// 1. to the owner that the refusal names, if the ring knows its address;
/// 2. after the ring was read again;
/// 3. after a short pause while the slot is handed over, which takes milliseconds. Single writes, and single reads that were refused, are
///    held in <see cref="HeldSlots"/> meanwhile, where one of them asks for all.
/// After <see cref="HoldLimit"/> the operation is answered with slot-moving. An operation whose outcome is not known is never sent again.
/// </remarks>
internal sealed class SlotDispatch(
    RingHolder holder, RingWatcher watcher, ShardPools pools, HeldSlots held, RouterMetrics metrics, TimeProvider time)
{
    /// <summary>How long operations on a moving slot are held before they fail.</summary>
    public static readonly TimeSpan HoldLimit = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Redis is only a hint. A request that is held does not wait longer than this for it, because the hand-over may be over by then.
    /// </summary>
    private static readonly TimeSpan RefreshLimit = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// The longest pause between two questions for a slot that is being handed over. A hand-over should last no more than a few of these.
    /// </summary>
    private static readonly TimeSpan LongestProbePause = TimeSpan.FromMilliseconds(8);

    /// <summary>
    /// How many questions have such short pauses; they take about a quarter of a second. A hand-over that lasts longer has lost its
    /// mover, and the process that completes it needs the machine.
    /// </summary>
    private const int QuickProbes = 32;

    /// <summary>An owner answers or refuses sooner than this, unless a row is locked or the owner hangs.</summary>
    private static readonly TimeSpan LeaderLimit = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    /// <summary>The way to the shard that the ring names for a slot; null: there is no ring.</summary>
    public ShardPool? PoolOf(Slot slot) =>
        holder.Current is { IsEmpty: false } ring ? pools.Of(new SlotRoute(slot).TargetIn(ring), ring.Cluster) : null;

    /// <summary>Sends one operation to the owner of its slot.</summary>
    /// <param name="writes">
    /// Writes are held during a hand-over; reads only after a refusal, because a frozen slot still answers reads.
    /// </param>
    public async Task<Routed<TResult>> RunOneAsync<TOperation, TResult>(
        TOperation operation, Slot slot, bool writes, Func<ShardPool, TOperation, CancellationToken, Task<Fenced<TResult>>> call,
        CancellationToken deadline)
    {
        var startedAt = time.GetTimestamp();
        var route = new SlotRoute(slot);
        var (mayBeHeld, leads) = (writes, false);
        try
        {
            for (var round = 0; ; round++)
            {
                if (mayBeHeld && !leads && held.IsHeld(slot)
                    && !await held.WaitAsync(slot, HoldLimit - time.GetElapsedTime(startedAt), time, deadline))
                    return Routed<TResult>.Failed(ShardFailure.SlotMoving, default);
                mayBeHeld = writes; // a read that has waited asks first, because a frozen slot answers reads
                if (holder.Current is not { IsEmpty: false } ring)
                    return Routed<TResult>.Failed(ShardFailure.RingUnavailable, default);
                var shard = route.TargetIn(ring);
                var asked = call(pools.Of(shard, ring.Cluster), operation, deadline);
                if (leads && await Task.WhenAny(asked, Task.Delay(LeaderLimit, time, CancellationToken.None)) != asked)
                {
                    held.Release(slot); // the leader waits for something other than the hand-over: the others ask for themselves
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
                    _ = watcher.RefreshAsync(CancellationToken.None); // not awaited: the next target is known
                else if (leads || (leads = held.TryLead(slot)))
                    await PauseAsync(ring, fenced.Refusal, round, deadline);
                if (IsOver(startedAt, deadline)) // the time ended during the pause: not applied, and not sent again
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
    /// <returns>
    /// One answer per operation, in their order. If a shard fails, only its own operations are answered with that failure.
    /// </returns>
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
            // Any error counts for this shard only: the answers about what other shards have applied meanwhile must be given.
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

    private async Task PrepareNextRoundAsync<TOperation>(
        ShardRing ring, List<Pending<TOperation>> refused, int round, CancellationToken deadline)
    {
        var allFollow = true;
        foreach (var operation in refused)
            allFollow &= operation.Route.TryFollow(ring);
        if (allFollow)
            _ = watcher.RefreshAsync(CancellationToken.None); // not awaited: the next targets are known
        else
            await PauseAsync(ring, refused[0].Route.Refusal!, round, deadline);
    }

    private bool IsOver(long startedAt, CancellationToken deadline) =>
        time.GetElapsedTime(startedAt) > HoldLimit || deadline.IsCancellationRequested;

    /// <summary>Waits for a new ring, or for a little time, before the next question.</summary>
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
            // Redis hangs, but the shards know the owner
        }
    }

    private sealed class Pending<TOperation>(int index, TOperation operation, Slot slot)
    {
        public SlotRoute Route = new(slot);

        public int Index => index;

        public TOperation Operation => operation;
    }
}
