using System.Diagnostics;
using ShardAdmin.Changes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardAdmin.Telemetry;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Agents;

/// <summary>Carries on every operation that is not finished and that nobody works on, until it is told to stop.</summary>
/// <remarks>
/// <para>It looks into the journals of all shards that answer, every few seconds. An operation whose lock is free is taken and
/// carried on; so is one whose mover has the lock and has not reported for long: it was stopped, or its network is cut. That
/// mover's connections are ended first, which frees lock and journal; should it wake, its attempt is over. Paused
/// operations are left alone but for what was released, and disputed ones are left to a person, as is what was planned before its
/// source failed over or was restored. A cancelling that was interrupted is completed, and a shard that was
/// drained by an interrupted <c>remove-shard</c> is taken out of the ring.</para>
/// <para>Several agents may run: of each operation one gets the lock. No error ends it; an operation that fails is tried
/// again later, soon if only a connection was missing. Without Redis it goes on from the last ring that it read, as far as
/// moves can.</para>
/// </remarks>
internal sealed class MoveAgent(AdminSession session, AgentSettings settings, AgentLog log, JournalWatch? watch = null)
{
    /// <summary>More operations wait.</summary>
    private const int MaxOperations = 4;

    /// <summary>Until an operation that could not reach something is tried again, at most.</summary>
    private static readonly TimeSpan LongestWaitForOthers = TimeSpan.FromSeconds(4);

    /// <summary>Until an operation that failed by itself is tried again, at most.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly string _id = $"{AdminSession.Who}-{Environment.ProcessId}-{Guid.NewGuid():N}";
    private readonly Dictionary<Guid, Task> _running = [];
    private readonly Dictionary<Guid, Retry> _retries = [];
    private readonly LostShards _lost = new(session);
    private ShardRing? _ring;

    /// <summary>Returns when <paramref name="stop"/> is cancelled and everything that it worked on is in a safe state.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        log.Say("agent", $"started for the cluster {session.Settings.Cluster}: every {settings.Interval.TotalSeconds:0.#} s, takes over after {settings.TakeOverAfter.TotalSeconds:0.#} s without a report");
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
            log.Say("agent", _running.Count == 0 ? "stopping" : $"stopping; {_running.Count} operations end in a safe state first");
        }
        await Task.WhenAll(_running.Values);
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
        var (unfinished, problems) = await MoveJournals.ReachableAsync(session, ring.Shards, stop);
        log.State("shards", problems.Count == 0 ? null : string.Join(" ", problems));
        log.State("disputed", Disputes(unfinished));
        log.State("history", await _lost.LookAsync(ring, stop));
        foreach (var done in _running.Where(each => each.Value.IsCompleted).Select(each => each.Key).ToArray())
            _running.Remove(done);
        foreach (var same in unfinished.Where(_lost.MayGoOn).GroupBy(each => each.Batch.OperationId))
            if (_running.Count < MaxOperations && !_running.ContainsKey(same.Key) && !IsWaiting(same.Key) && AgentRules.Decide([.. same], settings.TakeOverAfter) is var decision and not AgentDecision.Leave)
                _running[same.Key] = RunOperationAsync(ring, same.Key, [.. same.Select(each => each.Source).DistinctBy(shard => shard.Id)], decision, stop);
        if (fresh && problems.Count == 0)
            await TakeOutDrainedAsync(ring, unfinished, stop);
    }

    /// <summary>What only a person can go on with; null: nothing.</summary>
    private static string? Disputes(IEnumerable<SourcedBatch> unfinished) => string.Join(" ", unfinished.Where(each => each.Batch.Disputed is not null)
        .Select(each => $"Operation {each.Batch.OperationId}, batch {each.Batch.Ordinal + 1}: {each.Batch.Disputed} 'shardadmin ops settle {each.Batch.OperationId}' ends this.")) is { Length: > 0 } text ? text : null;

    /// <returns>False: Redis does not answer, or has nothing usable; the last ring is used.</returns>
    private async Task<bool> ReadRingAsync(CancellationToken stop)
    {
        try
        {
            _ring = await session.RequireRingAsync(stop);
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

    private async Task RunOperationAsync(ShardRing ring, Guid operation, IReadOnlyCollection<Shard> sources, AgentDecision decision, CancellationToken stop)
    {
        await Task.Yield(); // one that fails at once must not end the look
        try
        {
            if (decision == AgentDecision.TakeOver)
                log.Say("take-over", $"its mover was not seen for {settings.TakeOverAfter.TotalSeconds:0.#} s and more", operation);
            await using var held = decision == AgentDecision.TakeOver
                ? await OperationLock.TakeOverAsync(session, operation, sources, stop)
                : await OperationLock.TryTakeAsync(session, operation, sources, TimeSpan.Zero, stop);
            if (held is not null)
                await RunHeldAsync(ring, held, operation, sources, stop);
            _retries.Remove(operation);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is not CommandFailedException)
        {
            log.Say("left", "in a safe state; whoever comes next goes on", operation);
        }
        catch (Exception e)
        {
            var retry = (_retries.GetValueOrDefault(operation) ?? Retry.None).Next(IsOthersFault(e) ? LongestWaitForOthers : LongestWait);
            _retries[operation] = retry;
            log.Say("failed", $"{(e is CommandFailedException failed ? failed.Failure.Problem : e.Message)} Again in {retry.Wait.TotalSeconds:0} s.", operation);
        }
    }

    /// <summary>With the lock in hand the journals are read again: somebody may have been faster, or wish something else now.</summary>
    private async Task RunHeldAsync(ShardRing ring, OperationLock held, Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken stop)
    {
        var batches = await UnfinishedAsync(operation, sources, stop);
        if (batches.Any(each => each.Wanted == MoveWish.Cancel && !each.Batch.IsReleased()))
        {
            log.Say("cancel", "what was not handed over", operation);
            await new OperationCancel(session).CancelAsync(ring, batches, stop);
            batches = await UnfinishedAsync(operation, sources, stop);
        }
        var due = AgentRules.Due(batches);
        if (due.Count == 0)
            return;
        log.Say("carry-on", $"{due.Count} batches, {due.Sum(each => each.Batch.Slots.Length)} slots", operation);
        var clock = Stopwatch.StartNew();
        var display = new MoveDisplay(due, (each, progress) => log.Say(
            "batch", $"{each.Source.Id} → {each.Batch.Target} #{each.Batch.Ordinal + 1} done: {each.Batch.Slots.Length} slots, {progress.Rows} rows, {progress.Bytes} bytes{(progress.Pause is { } pause ? $", writes held {pause.TotalMilliseconds:0} ms" : "")}", operation));
        await new MoveRunner(session, settings.Run, held, display).RunAsync(ring, due, stop);
        log.Say("done", $"{due.Sum(each => each.Batch.Slots.Length)} slots in {clock.Elapsed.TotalSeconds:0.0} s", operation);
    }

    private async Task<SourcedBatch[]> UnfinishedAsync(Guid operation, IReadOnlyCollection<Shard> sources, CancellationToken stop) =>
        [.. (await MoveJournals.UnfinishedAsync(session, sources, stop)).Where(each => each.Batch.OperationId == operation && _lost.MayGoOn(each))];

    /// <summary>Only <c>remove-shard</c> makes a shard drain; one that is empty then has only to leave.</summary>
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
            // The mark expires by itself.
        }
    }

    private bool IsWaiting(Guid operation) => _retries.TryGetValue(operation, out var retry) && !retry.IsDue;

    /// <summary>Something is away and may be back any moment.</summary>
    private static bool IsOthersFault(Exception e) => ExitCodes.FailureOf(e, "", "", timedOut: false).Code is ExitCode.Conflict or ExitCode.CannotReach;

    private sealed record Retry(TimeSpan Wait, long From)
    {
        public static Retry None { get; } = new(TimeSpan.FromMilliseconds(500), 0);

        public bool IsDue => Stopwatch.GetElapsedTime(From) >= Wait;

        public Retry Next(TimeSpan longest) => new(Wait * 2 < longest ? Wait * 2 : longest, Stopwatch.GetTimestamp());
    }
}
