using ShardCore.Ring;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Routing;

/// <summary>
/// Brings operations to the shards that own their slots, several shards at the same time.
/// </summary>
/// <remarks>
/// The ring only proposes: each shard's fence decides. An operation that was refused was not applied, so it may be sent
/// again, and it is: 1. to the owner that the refusal names, when the ring knows its address; 2. with the ring looked up
/// anew; 3. after a short pause while the slot is being handed over, which takes milliseconds. After
/// <see cref="HoldLimit"/> it answers slot-moving. An operation whose outcome is not known is never sent again.
/// Refusals are followed without a pause only towards higher epochs, so shards that point at each other cannot make
/// a request run in a circle; after a pause it starts from the ring again.
/// </remarks>
internal sealed class SlotDispatch(RingHolder holder, RingWatcher watcher, ShardPools pools, RouterMetrics metrics, TimeProvider time)
{
    /// <summary>How long operations on a moving slot are held before they fail.</summary>
    public static readonly TimeSpan HoldLimit = TimeSpan.FromSeconds(2);

    /// <summary>Redis is a hint: a request that is held does not wait longer for it, the hand-over may be over by then.</summary>
    private static readonly TimeSpan RefreshLimit = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Sends each operation to the owner of its slot.</summary>
    /// <param name="call">Asks one shard for some of the operations and returns their answers in the same order.</param>
    /// <returns>One answer per operation, in their order. A failure of one shard is the answer of its operations only.</returns>
    public async Task<Routed<TResult>[]> RunAsync<TOperation, TResult>(
        IReadOnlyList<TOperation> operations,
        Func<TOperation, Slot> slotOf,
        Func<ShardPool, IReadOnlyList<TOperation>, CancellationToken, Task<Fenced<TResult>[]>> call,
        CancellationToken deadline)
    {
        var answers = new Routed<TResult>[operations.Count];
        var pending = new List<Pending<TOperation>>(operations.Count);
        for (var i = 0; i < operations.Count; i++)
            pending.Add(new Pending<TOperation>(i, operations[i], slotOf(operations[i])));

        var startedAt = time.GetTimestamp();
        for (var round = 0; ; round++)
        {
            if (holder.Current is not { IsEmpty: false } ring)
            {
                foreach (var operation in pending)
                    answers[operation.Index] = Routed<TResult>.Failed(ShardFailure.RingUnavailable, default);
                return answers;
            }
            pending = await RunRoundAsync(ring, pending, call, answers, deadline);
            if (pending.Count == 0)
                return answers;
            if (time.GetElapsedTime(startedAt) > HoldLimit || deadline.IsCancellationRequested)
            {
                foreach (var operation in pending)
                    answers[operation.Index] = Routed<TResult>.Failed(ShardFailure.SlotMoving, default);
                return answers;
            }
            await PrepareNextRoundAsync(ring, pending, round, deadline);
        }
    }

    /// <returns>The operations that the fence refused.</returns>
    private async Task<List<Pending<TOperation>>> RunRoundAsync<TOperation, TResult>(
        ShardRing ring,
        List<Pending<TOperation>> pending,
        Func<ShardPool, IReadOnlyList<TOperation>, CancellationToken, Task<Fenced<TResult>[]>> call,
        Routed<TResult>[] answers,
        CancellationToken deadline)
    {
        if (pending.Count == 1) // the common case, without the grouping
        {
            await RunGroupAsync(ring, pending[0].TargetIn(ring), pending, call, answers, deadline);
        }
        else
        {
            var groups = pending.GroupBy(operation => operation.TargetIn(ring).Id);
            await Task.WhenAll(groups.Select(group => RunGroupAsync(ring, group.First().TargetIn(ring), [.. group], call, answers, deadline)));
        }
        return pending.Count == 1 && pending[0].Refusal is null ? [] : [.. pending.Where(operation => operation.Refusal is not null)];
    }

    private async Task RunGroupAsync<TOperation, TResult>(
        ShardRing ring,
        Shard shard,
        List<Pending<TOperation>> group,
        Func<ShardPool, IReadOnlyList<TOperation>, CancellationToken, Task<Fenced<TResult>[]>> call,
        Routed<TResult>[] answers,
        CancellationToken deadline)
    {
        try
        {
            var fenced = await call(pools.Of(shard, ring.Cluster), [.. group.Select(operation => operation.Operation)], deadline);
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Refusal = fenced[i].Refusal;
                if (fenced[i].Refusal is null)
                    answers[group[i].Index] = Routed<TResult>.Answer(fenced[i].Value!, shard.Id);
                else
                    metrics.Fenced(shard.Id.Value);
            }
        }
        catch (ShardCallException e)
        {
            foreach (var operation in group)
            {
                operation.Refusal = null;
                answers[operation.Index] = Routed<TResult>.Failed(e.Failure, shard.Id);
            }
        }
    }

    private async Task PrepareNextRoundAsync<TOperation>(ShardRing ring, List<Pending<TOperation>> refused, int round, CancellationToken deadline)
    {
        var allFollow = true;
        foreach (var operation in refused)
        {
            var mayFollow = operation.Redirect is null || operation.Refusal!.Epoch > operation.FollowedEpoch;
            operation.Redirect = mayFollow && operation.Refusal is { State: "released", Peer: { } peer } && ShardId.IsValid(peer) ? ring.Find(new ShardId(peer)) : null;
            operation.FollowedEpoch = operation.Refusal!.Epoch;
            allFollow &= operation.Redirect is not null;
        }
        if (allFollow)
        {
            _ = watcher.RefreshAsync(CancellationToken.None); // not waited for: we know where to go
            return;
        }
        try
        {
            await RefreshAsync(deadline);
            if (holder.Current?.Epoch == ring.Epoch) // nothing new: the hand-over is under way
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1 << Math.Min(round, 10), LongestPause.TotalMilliseconds)), time, deadline);
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
        public int Index => index;

        public TOperation Operation => operation;

        /// <summary>The fence's last answer; null once there is a real one.</summary>
        public FenceRefusal? Refusal { get; set; }

        /// <summary>Where the last refusal pointed, for one round.</summary>
        public Shard? Redirect { get; set; }

        /// <summary>Of the refusal that was looked at last.</summary>
        public long? FollowedEpoch { get; set; }

        public Shard TargetIn(ShardRing ring) => Redirect ?? ring.OwnerOf(slot);
    }
}
