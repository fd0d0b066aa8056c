using System.Diagnostics;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>A command's work on one index: it goes on until nothing is left to do.</summary>
internal sealed class IndexRun(AdminSession session, ShardRing ring, IndexKey key)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How long a shard may be away. An agent or the same command goes on later.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(60);

    private readonly IndexDisplay _display = new(key, ring.Shards.Select(shard => shard.Id));

    /// <summary>Builds it in all shards.</summary>
    /// <exception cref="CommandFailedException">It cannot be built, or it was dropped meanwhile.</exception>
    public async Task BuildAsync(CancellationToken cancellation)
    {
        session.LeftOff = $"The index {key} is defined, and is not ready yet. An agent or the next command goes on.";
        session.CarryOn = $"shardadmin indexes build {key.Collection} {key.Name}";
        await session.Output.WithLiveAsync(_display.Render, _display.Changes, async () => End(await RunAsync(cancellation)));
        session.CarryOn = null;
    }

    /// <summary>Drops it in all shards.</summary>
    public async Task DropAsync(CancellationToken cancellation)
    {
        session.LeftOff = $"The index {key} may be marked to be dropped: no query counts on it then. An agent or the same command goes on.";
        await Reach.AllAsync(ring.Shards, shard => IndexDefining.UnwantAsync(session, shard, key, cancellation));
        await session.Output.WithLiveAsync(_display.Render, _display.Changes, async () =>
        {
            var step = await RunAsync(cancellation);
            if (step.End != IndexEnd.Gone)
                End(step);
        });
    }

    private async Task<IndexStep> RunAsync(CancellationToken cancellation)
    {
        var work = new IndexWork(session, ring);
        var silent = Stopwatch.StartNew();
        while (true)
        {
            var step = await TryAsync(work, cancellation);
            if (step.End != IndexEnd.Again)
                return step;
            if (!step.IsSilent)
                silent.Restart();
            else if (silent.Elapsed >= SilenceLimit)
                throw new CommandFailedException(
                    ExitCode.CannotReach, step.Problem!,
                    $"start that Postgres server, then: {session.CarryOn ?? "the same command again"}");
            _display.Tell(step.Problem);
            await Task.Delay(Pause, cancellation);
        }
    }

    private async Task<IndexStep> TryAsync(IndexWork work, CancellationToken cancellation)
    {
        try
        {
            return await work.RunAsync(key, _display, cancellation);
        }
        catch (ShardUnreachableException e)
        {
            return new IndexStep(IndexEnd.Again, e.Message, IsSilent: true); // it restarts perhaps, or a standby takes over
        }
        catch (PostgresException e) when (!cancellation.IsCancellationRequested && IndexProblems.IsPassing(e))
        {
            return new IndexStep(IndexEnd.Again, $"Somebody ended a statement in a shard, or it met another one (SQLSTATE {e.SqlState}).");
        }
    }

    private void End(IndexStep step)
    {
        switch (step.End)
        {
            case IndexEnd.Ready:
                return;
            case IndexEnd.Failed:
                throw new CommandFailedException(new Failure(
                    ExitCode.Failed, $"The index {key} could not be built. {step.Problem}", "No shard has it; its definition says why.",
                    $"mend that, then: shardadmin indexes build {key.Collection} {key.Name}; "
                    + $"or: shardadmin indexes drop {key.Collection} {key.Name}"));
            case IndexEnd.NotAllowed:
                throw new CommandFailedException(
                    ExitCode.Precondition, step.Problem!,
                    $"as a member of the schema's owner: shardadmin indexes build {key.Collection} {key.Name}");
            case IndexEnd.Stuck:
                throw new CommandFailedException(ExitCode.Conflict, step.Problem!, $"shardadmin indexes drop {key.Collection} {key.Name}");
            default:
                throw new CommandFailedException(
                    ExitCode.Conflict, $"Somebody dropped the index {key} meanwhile.", $"shardadmin indexes list {key.Collection}");
        }
    }
}
