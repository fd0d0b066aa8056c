using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// What people and movers tell each other by the source's journal: who works on a batch, how far it is, what is wanted of it. Nothing that keeps a move safe rests on
/// it; that is in <see cref="MoveJournal"/>.
/// </summary>
public sealed class MoveReports(ShardDatabase source)
{
    private readonly JournalCalls _calls = new(source);

    /// <summary>For people: how much was copied, how long writes were held.</summary>
    public Task NoteAsync(Guid id, long bytes, long changes, double? pauseMilliseconds, CancellationToken cancellation) => _calls.RunAsync<object?>(
        $"{JournalCalls.NotOnDisk} update sharding.move set bytes_copied = @bytes, changes_applied = @changes, pause_ms = coalesce(@pause, pause_ms), seen_at = clock_timestamp() where move_id = @id",
        new { id, bytes, changes, pause = pauseMilliseconds }, cancellation);

    /// <summary>Takes a batch in hand: from now on the reports of <paramref name="mover"/> count, and nobody else's.</summary>
    /// <returns>What is wanted of it; null: it is not in the journal.</returns>
    public async Task<MoveWish?> ClaimAsync(Guid id, string mover, CancellationToken cancellation) =>
        await _calls.RunAsync<string?>("select sharding.move_claim(@id, @mover)", new { id, mover }, cancellation) is { } wanted ? Enum.Parse<MoveWish>(wanted, ignoreCase: true) : null;

    /// <summary>Tells people how far a batch is, and hears what they want of it.</summary>
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

    /// <summary>The mover lets go of a batch, with the reason if something went wrong. Not when another has it.</summary>
    public Task LetGoAsync(Guid id, string mover, string? problem, CancellationToken cancellation) => _calls.RunAsync<object?>(
        "update sharding.move set mover = null, problem = coalesce(@problem, problem), seen_at = clock_timestamp() where move_id = @id and mover = @mover",
        new { id, mover, problem }, cancellation);

    /// <returns>How many unfinished batches of the operation there are.</returns>
    public Task<long> WishAsync(Guid operation, MoveWish wish, CancellationToken cancellation) => _calls.RunAsync<long>(
        """
        with wished as (
            update sharding.move set wanted = @wanted, planned_in = case when @wanted = 'run' then sharding.history() else planned_in end
            where operation_id = @operation returning 1)
        select count(*) from wished
        """,
        new { operation, wanted = wish.ToString().ToLowerInvariant() }, cancellation);
}
