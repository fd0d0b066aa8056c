using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// The reports of movers and the wishes of people, which they exchange through the source's journal: who works on a batch, how far it is,
/// and whether it shall run. The safety of a move does not rest on this, but on <see cref="MoveJournal"/>.
/// </summary>
public sealed class MoveReports(ShardDatabase source)
{
    private readonly JournalCalls _calls = new(source);

    /// <summary>Notes for people how much was copied and how long writes were held.</summary>
    public Task NoteAsync(Guid id, long bytes, long changes, double? pauseMilliseconds, CancellationToken cancellation) =>
        _calls.RunAsync<object?>(
            $"""
            {JournalCalls.NotOnDisk} update sharding.move
            set bytes_copied = @bytes, changes_applied = @changes, pause_ms = coalesce(@pause, pause_ms), seen_at = clock_timestamp()
            where move_id = @id
            """,
            new { id, bytes, changes, pause = pauseMilliseconds }, cancellation);

    /// <summary>Claims a batch: from now on only the reports of <paramref name="mover"/> count.</summary>
    /// <returns>What people want of the batch; null: it is not in the journal.</returns>
    public async Task<MoveWish?> ClaimAsync(Guid id, string mover, CancellationToken cancellation) =>
        await _calls.RunAsync<string?>("select sharding.move_claim(@id, @mover)", new { id, mover }, cancellation) is { } wanted
            ? Enum.Parse<MoveWish>(wanted, ignoreCase: true)
            : null;

    /// <summary>Reports how far a batch is, and returns what people want of it.</summary>
    public async Task<ReportAnswer> ReportAsync(Guid id, string mover, MoveProgress progress, CancellationToken cancellation)
    {
        var lag = progress.Lag;
        var answer = await _calls.RunAsync<string>(
            $"{JournalCalls.NotOnDisk} select sharding.move_report(@id, @mover, @step, @rows, @bytes, @changes, @lag)",
            new
            {
                id,
                mover,
                step = progress.Step?.ToString().ToLowerInvariant(),
                rows = progress.Rows,
                bytes = progress.Bytes,
                changes = progress.Changes,
                lag = lag > TimeSpan.Zero ? lag.TotalMilliseconds : (double?)null,
            },
            cancellation);
        return Enum.Parse<ReportAnswer>(answer, ignoreCase: true);
    }

    /// <summary>
    /// The mover gives up its claim of a batch, with the reason if something went wrong. Nothing happens if another mover has claimed the
    /// batch.
    /// </summary>
    public Task LetGoAsync(Guid id, string mover, string? problem, CancellationToken cancellation) => _calls.RunAsync<object?>(
        """
        update sharding.move set mover = null, problem = coalesce(@problem, problem), seen_at = clock_timestamp()
        where move_id = @id and mover = @mover
        """,
        new { id, mover, problem }, cancellation);

    /// <returns>The number of unfinished batches of the operation.</returns>
    public Task<long> WishAsync(Guid operation, MoveWish wish, CancellationToken cancellation) => _calls.RunAsync<long>(
        """
        with wished as (
            update sharding.move set wanted = @wanted, planned_in = case when @wanted = 'run' then sharding.history() else planned_in end
            where operation_id = @operation returning 1)
        select count(*) from wished
        """,
        new { operation, wanted = wish.ToString().ToLowerInvariant() }, cancellation);
}

/// <summary>The wish of people for a batch that is not finished. A mover learns of it within about a second.</summary>
public enum MoveWish
{
    Run,

    /// <summary>No mover works on the batch until it is resumed. A batch that was released is completed all the same.</summary>
    Pause,

    /// <summary>The batch is to be cancelled, if it was not released.</summary>
    Cancel,
}

/// <summary>The journal's answer to a mover's report.</summary>
public enum ReportAnswer
{
    Run,
    Pause,
    Cancel,

    /// <summary>Another mover has claimed the batch.</summary>
    Lost,

    /// <summary>The batch is not in the journal any more: it was finished or cancelled.</summary>
    Gone,
}
