using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardCore.Ring;

namespace ShardAdmin.Agents;

/// <summary>An agent's work on indexes: it builds those that are defined and not ready, and drops those that are marked.</summary>
/// <remarks>
/// A router only writes definitions, because it may build nothing. A command may have stopped half-way. A takeover may have lost a
/// definition or an index. The agent makes no difference between them: it looks at what the shards have (<see cref="IndexRules"/>).
/// Two agents may do so at the same time: only one gets the lock of a collection's indexes in a shard.
/// An agent that is told to stop ends its builds, and the next agent begins them anew.
/// </remarks>
internal sealed class IndexWatch(AdminSession session, AgentLog log)
{
    /// <summary>How many indexes one agent works on at the same time. Each takes a connection and a processor in every shard.</summary>
    private const int MaxIndexes = 2;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    private readonly Dictionary<IndexKey, Task> _running = [];
    private readonly ConcurrentDictionary<IndexKey, Retry> _retries = [];
    private readonly ConcurrentDictionary<IndexKey, string> _problems = [];
    private Task _looking = Task.CompletedTask;

    /// <summary>
    /// Begins to look at the shards that answer, unless the last look still goes on. The agent never waits for this, and no error of it ends
    /// the agent.
    /// </summary>
    public void Look(ShardRing ring, CancellationToken stop)
    {
        if (_looking.IsCompleted)
            _looking = LookAsync(ring, stop);
    }

    /// <summary>Waits for the work that was begun; its builds end when the agent is told to stop.</summary>
    public async Task StopAsync()
    {
        await _looking;
        await Task.WhenAll(_running.Values);
    }

    private async Task LookAsync(ShardRing ring, CancellationToken stop)
    {
        await Task.Yield();
        try
        {
            await TryLookAsync(ring, stop);
        }
        catch (Exception e)
        {
            if (!stop.IsCancellationRequested)
                log.State("indexes", e.Message);
        }
    }

    private async Task TryLookAsync(ShardRing ring, CancellationToken stop)
    {
        foreach (var done in _running.Where(each => each.Value.IsCompleted).Select(each => each.Key).ToArray())
            _running.Remove(done);
        var all = await IndexSurvey.ReadAsync(session, ring.Shards, stop);
        IndexSight[] open = [.. all.Where(each => IndexRules.Decide(each) != IndexTask.None)];
        foreach (var over in _retries.Keys.Except(open.Select(each => each.Key)).ToArray())
            Forget(over);
        var problems = string.Join(" ", _problems.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        log.State("indexes", problems.Length == 0 ? null : problems);
        foreach (var sight in open)
            if (_running.Count < MaxIndexes && !_running.ContainsKey(sight.Key) && _retries.GetValueOrDefault(sight.Key, Retry.None).IsDue)
                _running[sight.Key] = RunAsync(ring, sight, stop);
    }

    private async Task RunAsync(ShardRing ring, IndexSight sight, CancellationToken stop)
    {
        await Task.Yield(); // what fails at once must not end the look at the others
        var (key, clock) = (sight.Key, Stopwatch.StartNew());
        try
        {
            var step = await new IndexWork(session, ring).RunAsync(key, new IndexDisplay(key, ring.Shards.Select(shard => shard.Id)), stop);
            Note(key, step, clock.Elapsed);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            log.Say("index", $"{key}: left; another agent, or 'shardadmin indexes build', goes on");
        }
        catch (Exception e)
        {
            // Of Postgres only the code: its text can hold a value of a document.
            Again(key, e switch
            {
                CommandFailedException failed => failed.Failure.Problem,
                PostgresException postgres when !Reach.IsUnreachable(postgres) =>
                    $"Index {key}: a shard refused with SQLSTATE {postgres.SqlState}.",
                _ => e.Message,
            });
        }
    }

    private void Note(IndexKey key, IndexStep step, TimeSpan elapsed)
    {
        switch (step.End)
        {
            case IndexEnd.Ready:
                log.Say("index", $"{key}: ready in all shards after {elapsed.TotalSeconds:0.0} s");
                break;
            case IndexEnd.Gone:
                log.Say("index", $"{key}: dropped in all shards");
                break;
            case IndexEnd.Failed:
                log.Say("index", $"{key}: could not be built. {step.Problem}");
                break;
            case IndexEnd.NotAllowed:
                Again(
                    key,
                    $"{step.Problem} This agent builds no index: set SHARDING_OWNER_USER to a login that may be the owner, or, as such a "
                        + "user: shardadmin indexes build.");
                return;
            default:
                Again(key, step.Problem);
                return;
        }
        Forget(key);
    }

    private void Forget(IndexKey key)
    {
        _problems.TryRemove(key, out _);
        _retries.TryRemove(key, out _);
    }

    private void Again(IndexKey key, string? problem)
    {
        _retries[key] = _retries.GetValueOrDefault(key, Retry.None).Next(LongestWait);
        if (problem is null)
            _problems.TryRemove(key, out _);
        else
            _problems[key] = problem;
    }
}
