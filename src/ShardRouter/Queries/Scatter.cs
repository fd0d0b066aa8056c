using System.Diagnostics;
using ShardCore.Ring;
using ShardRouter.Outcomes;
using ShardRouter.Queries.Costs;
using ShardRouter.Refusals;
using ShardRouter.Rings;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Queries;

/// <summary>Asks the owners of many slots at the same time.</summary>
/// <remarks>
/// Each answer is of exactly the slots that its shard owned in its statement's snapshot. So each slot is answered once, by its owner, also
/// while slots move: what an answer does not cover is asked for again, and what it covers is not. The shards' snapshots are not of one
/// moment, as with a batch.
/// When the same ring gives no progress (Redis is behind, or away), all shards are asked for what is left, one after the other. Side by
/// side two of them could both answer for a slot that is handed over in between.
/// </remarks>
internal sealed class Scatter(RingHolder holder, RingWatcher watcher, ShardPools pools, RouterMetrics metrics, TimeProvider time)
{
    /// <summary>More of them at once would only make all of them slower. Each holds a page of each shard in memory.</summary>
    public const int MostAtOnce = 32;

    private static readonly TimeSpan RefreshLimit = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(8);

    private int _running;

    /// <param name="operation">Its name in metrics.</param>
    /// <param name="slots">Of the collection's items that are wanted.</param>
    /// <param name="before">Called for each shard before it is asked.</param>
    /// <param name="call">Asks one shard for some of the slots, and tells of which of them its answer is.</param>
    /// <param name="partial">True: a shard that fails is named, and the others' answers are given.</param>
    /// <param name="meter">Gets the time that shards take.</param>
    /// <param name="deadline">The request's.</param>
    /// <exception cref="ProblemException">overloaded.</exception>
    public async Task<Scattered<T>> RunAsync<T>(
        string operation, SlotSet slots, BeforeShard before, Func<ShardCall, SlotSet, Task<Covered<T>>> call, bool partial,
        QueryMeter meter, CancellationToken deadline)
    {
        using var turn = Enter();
        return await RunInTurnAsync(operation, slots, before, call, partial, meter, deadline);
    }

    /// <summary>Whoever asks several times for one request enters once, so that it is not turned away half-way.</summary>
    /// <exception cref="ProblemException">overloaded.</exception>
    public IDisposable Enter()
    {
        if (Interlocked.Increment(ref _running) <= MostAtOnce)
            return new Turn(this);
        Interlocked.Decrement(ref _running);
        throw new ProblemException(Problems.TooManyScatters());
    }

    /// <summary>As <see cref="RunAsync"/>, for a caller that has entered.</summary>
    public async Task<Scattered<T>> RunInTurnAsync<T>(
        string operation, SlotSet slots, BeforeShard before, Func<ShardCall, SlotSet, Task<Covered<T>>> call, bool partial,
        QueryMeter meter, CancellationToken deadline)
    {
        var startedAt = time.GetTimestamp();
        var (answers, failures, left, lastEpoch) = (new List<(ShardId, SlotSet, T)>(), new Dictionary<ShardId, ShardFailure>(), slots, (Epoch?)null);
        while (true)
        {
            if (holder.Current is not { IsEmpty: false } ring)
                return Scattered<T>.Failed(ShardFailure.RingUnavailable, default);
            if (ring.Epoch == lastEpoch)
                await EachAsync(ring);
            else
                await OwnersAsync(ring);
            if (!partial && failures.Count > 0)
                return Scattered<T>.Failed(failures.First().Value, failures.First().Key);
            if (left.IsEmpty)
                return new Scattered<T>(answers, [.. failures.Keys.OrderBy(each => each.Value, StringComparer.Ordinal)], null, default);
            if (deadline.IsCancellationRequested || time.GetElapsedTime(startedAt) > SlotDispatch.HoldLimit)
                return Scattered<T>.Failed(ShardFailure.SlotMoving, ring.OwnerOf(left.First()).Id);
            lastEpoch = ring.Epoch;
            await RefreshAsync(deadline);
        }

        async Task OwnersAsync(ShardRing ring)
        {
            var asked = left.ByOwner(ring);
            var told = await Task.WhenAll(asked.Select(each => AskAsync(ring.Find(each.Key)!, ring, each.Value)));
            foreach (var (shard, set, answer) in told)
                Take(shard, set, answer);
        }

        async Task EachAsync(ShardRing ring)
        {
            foreach (var shard in ring.Shards)
            {
                if (left.IsEmpty)
                    return;
                var (id, set, answer) = await AskAsync(shard, ring, left);
                if (answer.Failure is null) // a shard that is away need not be the one that has them
                    Take(id, set, answer);
            }
        }

        void Take(ShardId shard, SlotSet asked, (Covered<T>? Answer, ShardFailure? Failure) told)
        {
            if (told.Failure is { } failure)
            {
                if (partial || failures.Count == 0)
                    failures[shard] = failure;
                left = left.Minus(asked);
                return;
            }
            var covered = told.Answer!.Slots.And(left);
            if (!asked.Minus(covered).IsEmpty)
                metrics.Fenced(shard.Value);
            if (covered.IsEmpty)
                return;
            answers.Add((shard, covered, told.Answer.Value));
            left = left.Minus(covered);
        }

        async Task<(ShardId Shard, SlotSet Asked, (Covered<T>? Answer, ShardFailure? Failure))> AskAsync(
            Shard shard, ShardRing ring, SlotSet asked)
        {
            var pool = pools.Of(shard, ring.Cluster);
            var begunAt = 0L; // not before there is a session: waiting for one costs the shard nothing
            try
            {
                await before(pool, deadline);
                return (shard.Id, asked, (await pool.RunAsync(operation, writes: false, Begin, deadline), null));
            }
            catch (ShardCallException e)
            {
                return (shard.Id, asked, (null, e.Failure));
            }
            finally
            {
                if (begunAt != 0)
                    meter.Ended(begunAt);
            }

            Task<Covered<T>> Begin(ShardCall one)
            {
                begunAt = Stopwatch.GetTimestamp();
                return call(one, asked);
            }
        }
    }

    private sealed class Turn(Scatter scatter) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref scatter._running);
    }

    private async Task RefreshAsync(CancellationToken deadline)
    {
        try
        {
            await watcher.RefreshAsync(deadline).WaitAsync(RefreshLimit, time, deadline);
            await Task.Delay(Pause, time, deadline);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Redis hangs, or the request's time is over: the caller sees that.
        }
    }
}

/// <summary>Finds out whether a shard may answer this request at all.</summary>
/// <exception cref="ShardCallException">It may not.</exception>
internal delegate Task BeforeShard(ShardPool pool, CancellationToken deadline);

/// <summary>A shard's answer, and the slots that it is of.</summary>
internal sealed record Covered<T>(SlotSet Slots, T Value);

/// <param name="Answers">Each with the slots that it is of: together all slots, and no slot twice; but for those of shards that failed.</param>
/// <param name="Incomplete">The shards that failed; empty unless partial answers were wanted.</param>
internal sealed record Scattered<T>(
    IReadOnlyList<(ShardId Shard, SlotSet Slots, T Value)> Answers, IReadOnlyList<ShardId> Incomplete, ShardFailure? Failure, ShardId FailedShard)
{
    public static Scattered<T> Failed(ShardFailure failure, ShardId shard) => new([], [], failure, shard);
}
