using System.Diagnostics;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Agents;

/// <summary>Continues every unfinished operation that nobody works on, until it is told to stop.</summary>
/// <remarks>
/// <para>Every few seconds the agent reads the journals of all shards that answer:</para>
/// <list type="bullet">
/// <item>The lock of the operation is free: the agent takes the lock and continues the operation.</item>
/// <item>A mover holds the lock, but has not reported for long: the mover was stopped, or its network is cut. The agent first ends the
/// mover's connections; this frees lock and journal. Then it takes the operation over. If the old mover wakes, its attempt is over.</item>
/// <item>The operation is paused: the agent only completes batches that were released.</item>
/// <item>A batch is disputed, or was planned before its source failed over or was restored: the agent leaves it to a person.</item>
/// <item>The operation is cancelled, but the cancelling was interrupted: the agent completes the cancelling.</item>
/// <item>An index is not ready in all shards, or is to be dropped: the agent completes that (<see cref="IndexWatch"/>).</item>
/// <item>An interrupted <c>remove-shard</c> has drained a shard: the agent takes the shard out of the ring.</item>
/// </list>
/// <para>Several agents may run: only one of them gets the lock of an operation. No error ends an agent. An operation that fails is tried
/// again later, and soon if only a connection was missing. Without Redis the agent works with the last ring that it read; it does as much
/// of a move as is possible without Redis.</para>
/// </remarks>
internal sealed class MoveAgent(AdminSession session, AgentSettings settings, AgentLog log, JournalWatch? watch = null)
{
    /// <summary>How many operations run at the same time. Further operations wait.</summary>
    private const int MaxOperations = 4;

    /// <summary>The longest wait before an operation that could not reach something is tried again.</summary>
    private static readonly TimeSpan LongestWaitForOthers = TimeSpan.FromSeconds(4);

    /// <summary>The longest wait before an operation that failed by itself is tried again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly string _id = $"{AdminSession.Who}-{Environment.ProcessId}-{Guid.NewGuid():N}";
    private readonly Dictionary<Guid, Task> _running = [];
    private readonly Dictionary<Guid, Retry> _retries = [];
    private readonly LostShards _lost = new(session);
    private readonly IndexWatch _indexes = new(session, log);
    private ShardRing? _ring;

    /// <summary>Returns when <paramref name="stop"/> is cancelled and every operation of this agent is in a safe state.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        log.Say(
            "agent",
            $"started for the cluster {session.Settings.Cluster}: looks every {settings.Interval.TotalSeconds:0.#} s, takes over after "
            + $"{settings.TakeOverAfter.TotalSeconds:0.#} s without a report");
        try
        {
            while (true)
            {
                await TryLookAsync(stop);
                await Task.Delay(settings.Interval, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            log.Say("agent", _running.Count == 0 ? "stopping" : $"stopping; first to a safe state: {Tables.Counted(_running.Count, "operation")}");
        }
        await Task.WhenAll([.. _running.Values, _indexes.StopAsync()]);
        await LeaveAsync();
        log.Say("agent", "stopped");
    }

    private async Task TryLookAsync(CancellationToken stop)
    {
        try
        {
            await LookAsync(stop);
            log.State("look", null);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            log.State("look", e is CommandFailedException failed ? failed.Failure.Problem : e.Message);
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        var fresh = await ReadRingAsync(stop);
        if (_ring is not { IsEmpty: false } ring)
            return;
        watch?.Look(ring.Shards, stop);
        _indexes.Look(ring, stop);
        if (settings.OnlyIndexes)
            return;
        var (unfinished, problems) = await MoveJournals.ReachableAsync(session, ring.Shards, stop);
        log.State("shards", problems.Count == 0 ? null : string.Join(" ", problems));
        log.State("disputed", Disputes(unfinished));
        log.State("history", await _lost.LookAsync(ring, stop));
        foreach (var done in _running.Where(each => each.Value.IsCompleted).Select(each => each.Key).ToArray())
            _running.Remove(done);
        foreach (var same in unfinished.Where(_lost.MayGoOn).GroupBy(each => each.Batch.OperationId))
            if (_running.Count < MaxOperations && !_running.ContainsKey(same.Key) && !IsWaiting(same.Key)
                && AgentRules.Decide([.. same], settings.TakeOverAfter) is var decision and not AgentDecision.Leave)
                _running[same.Key] = RunOperationAsync(
                    ring, same.Key, [.. same.Select(each => each.Source).DistinctBy(shard => shard.Id)], decision, stop);
        if (fresh && problems.Count == 0)
            await TakeOutDrainedAsync(ring, unfinished, stop);
    }

    /// <returns>A sentence for each disputed batch, which only a person can continue; null: there is none.</returns>
    private static string? Disputes(IEnumerable<SourcedBatch> unfinished)
    {
        var disputes = string.Join(" ", unfinished.Where(each => each.Batch.Disputed is not null).Select(each =>
            $"Operation {each.Batch.OperationId}, batch {each.Batch.Ordinal + 1}: {each.Batch.Disputed} "
            + $"'shardadmin ops settle {each.Batch.OperationId}' ends this."));
        return disputes.Length > 0 ? disputes : null;
    }

    /// <returns>False: Redis does not answer, or has no usable ring. Then the agent works with the last ring.</returns>
    private async Task<bool> ReadRingAsync(CancellationToken stop)
    {
        try
        {
            _ring = await session.RequireRingAsync(stop);
            if (!settings.OnlyIndexes)
                await AgentRegistry.WriteAsync(session, _id, stop);
            log.State("redis", null);
            return true;
        }
        catch (Exception e) when (e is RedisUnavailableException or CommandFailedException)
        {
            log.State("redis", e is CommandFailedException failed ? failed.Failure.Problem : e.Message.Split(": ")[0]);
            return false;
        }
    }

    private async Task RunOperationAsync(
        ShardRing ring, Guid operation, IReadOnlyCollection<Shard> sources, AgentDecision decision, CancellationToken stop)
    {
        await Task.Yield(); // an operation that fails at once must not end the look at the others
        try
        {
            if (decision == AgentDecision.TakeOver)
                log.Say("take-over", $"its mover has not reported for {settings.TakeOverAfter.TotalSeconds:0.#} s or more", operation);
            await using var held = decision == AgentDecision.TakeOver
                ? await OperationLock.TakeOverAsync(session, operation, sources, stop)
                : await OperationLock.TryTakeAsync(session, operation, sources, TimeSpan.Zero, stop);
            if (held is not null)
                await RunHeldAsync(ring, held, operation, sources, stop);
            _retries.Remove(operation);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is not CommandFailedException)
        {
            log.Say("left", "in a safe state; another agent or 'ops resume' continues it", operation);
        }
        catch (Exception e)
        {
            var retry = (_retries.GetValueOrDefault(operation) ?? Retry.None).Next(IsOthersFault(e) ? LongestWaitForOthers : LongestWait);
            _retries[operation] = retry;
            var problem = e is CommandFailedException failed ? failed.Failure.Problem : e.Message;
            log.Say("failed", $"{problem} Again in {retry.Wait.TotalSeconds:0} s.", operation);
        }
    }

    /// <summary>
    /// Reads the journals again while it holds the lock: another process may have completed the operation, or a person may want something
    /// else now.
    /// </summary>
    private async Task RunHeldAsync(
        ShardRing ring, OperationLock held, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken stop)
    {
        var batches = await UnfinishedAsync(operation, sources, stop);
        if (batches.Any(each => each.Wanted == MoveWish.Cancel && !each.Batch.IsReleased()))
        {
            log.Say("cancel", "the batches that were not handed over", operation);
            await new OperationCancel(session).CancelAsync(ring, batches, stop);
            batches = await UnfinishedAsync(operation, sources, stop);
        }
        var due = AgentRules.Due(batches);
        if (due.Count == 0)
            return;
        log.Say(
            "carry-on",
            $"{Tables.Counted(due.Count, "batch", "batches")}, {Tables.Counted(due.Sum(each => each.Batch.Slots.Length), "slot")}",
            operation);
        var clock = Stopwatch.StartNew();
        var display = new MoveDisplay(due, (each, progress) => log.Say(
            "batch",
            $"{each.Source.Id} → {each.Batch.Target} #{each.Batch.Ordinal + 1} done: {Tables.Counted(each.Batch.Slots.Length, "slot")}, "
            + $"{Tables.Counted(progress.Rows, "row")}, {Tables.Counted(progress.Bytes, "byte")}"
            + $"{(progress.Pause is { } pause ? $", writes held {pause.TotalMilliseconds:0} ms" : "")}",
            operation));
        await new MoveRunner(session, settings.Run, held, display).RunAsync(ring, due, stop);
        log.Say("done", $"{Tables.Counted(due.Sum(each => each.Batch.Slots.Length), "slot")} in {clock.Elapsed.TotalSeconds:0.0} s", operation);
    }

    private async Task<SourcedBatch[]> UnfinishedAsync(Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken stop) =>
        [.. (await MoveJournals.UnfinishedAsync(session, sources, stop))
            .Where(each => each.Batch.OperationId == operation && _lost.MayGoOn(each))];

    /// <summary>Removes drained shards from the ring. Only <c>remove-shard</c> drains a shard, so an empty one has only to leave.</summary>
    private async Task TakeOutDrainedAsync(ShardRing ring, IReadOnlyList<SourcedBatch> unfinished, CancellationToken stop)
    {
        foreach (var shard in ring.Shards.Where(shard => shard.State == ShardState.Draining && ring.SlotsOf(shard.Id).IsEmpty))
        {
            if (unfinished.Any(each => each.Source.Id == shard.Id || each.Batch.Target == shard.Id))
                continue;
            await RemoveShardChange.TakeOutAsync(session, shard.Id, stop);
            log.Say("removed", $"shard {shard.Id} was drained and is out of the ring");
        }
    }

    private async Task LeaveAsync()
    {
        try
        {
            await AgentRegistry.RemoveAsync(session, _id, CancellationToken.None);
        }
        catch (RedisUnavailableException)
        {
            // The agent's key expires by itself.
        }
    }

    private bool IsWaiting(Guid operation) => _retries.TryGetValue(operation, out var retry) && !retry.IsDue;

    /// <summary>Something else is busy or away, and may be free or back at any moment.</summary>
    private static bool IsOthersFault(Exception e) =>
        ExitCodes.FailureOf(e, "", "", timedOut: false).Code is ExitCode.Conflict or ExitCode.CannotReach;
}
