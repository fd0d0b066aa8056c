using System.Diagnostics;
using Dapper;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Changes;

/// <summary>
/// The source's publication of one attempt, as <c>sharding.move_publish</c> makes it: the changes to the slots of the attempt.
/// </summary>
internal static class MovePublication
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Makes the publication, but only for the current attempt: a mover that slept through a takeover would leave it behind.
    /// </summary>
    /// <remarks>
    /// This needs a lock on the table that a VACUUM or a CREATE INDEX CONCURRENTLY may have for long. Each try is short and holds the
    /// journal row only for that time. So between two tries the batch can be reported on, paused and cancelled.
    /// </remarks>
    /// <returns>The name of the publication. The replication slot has the same name.</returns>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException">The lock was not available within the limit.</exception>
    public static async Task<string> CreateAsync(
        ShardDatabase source, MoveBatch batch, int attempt, TimeSpan limit, CancellationToken cancellation)
    {
        var (first, last) = RunsOf(batch.Slots);
        var journal = new MoveJournal(source);
        for (var clock = Stopwatch.StartNew();
            !await journal.TryPublishAsync(batch.Id, attempt, first, last, LockTimeout, cancellation);
            await Task.Delay(Pause, cancellation))
            if (clock.Elapsed > limit)
                throw new MoveFailedException(
                    $"Batch {batch.Id}: a publication could not be made within {limit}, because something has a lock on sharding.item: "
                        + "'select * from pg_locks where relation = 'sharding.item'::regclass' at the source names it.");
        return FormattableString.Invariant($"sharding_move_{batch.Id:N}_{attempt}");
    }

    /// <summary>Drops the publications of this attempt and of earlier ones, and never that of a later one.</summary>
    public static async Task DropAsync(ShardDatabase source, Guid batchId, int attempt, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            "select sharding.move_unpublish(@batchId, @attempt)", new { batchId, attempt }, cancellationToken: cancellation));
    }

    /// <returns>The slots as runs: the first and the last of each.</returns>
    private static (short[] First, short[] Last) RunsOf(IEnumerable<Slot> slots)
    {
        var runs = SlotRuns.Of(slots.Order().Select(slot => (int)slot.Value)).ToArray();
        return ([.. runs.Select(run => (short)run.First)], [.. runs.Select(run => (short)run.Last)]);
    }
}
