using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;
using ShardCore.Moves.Throttling;

namespace ShardCore.Moves;

/// <summary>
/// Steps 13 and 14 of <see cref="BatchMover"/>: the source's rows are deleted, and the journal is closed. If this breaks off, or the
/// source crashes in the middle of it, a batch is left that is final except for its cleaning.
/// </summary>
internal sealed class BatchCleaning(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    private const int MinRowsAtOnce = 2000;
    private const int MaxRowsAtOnce = 10_000;

    /// <exception cref="BatchDisputedException">The target does not own the slots any more, or does not know of the comparison.</exception>
    /// <exception cref="AttemptOverException">Another mover has gone on with the batch.</exception>
    /// <exception cref="StandbysBehindException" />
    public async Task RunAsync(MoveBatch batch, CancellationToken cancellation)
    {
        options.Progress.Step = MoveStep.Clean;
        ends.Pipeline.Leave(batch.Id);
        await ends.Pipeline.AllCompared.WaitAsync(cancellation);
        cancellation.ThrowIfCancellationRequested(); // WaitAsync does not look at it if the task is complete
        await options.StepAsync(MoveStep.Clean, cancellation);
        await Task.Delay(options.GraceBeforeCleaning, cancellation);
        // The target is asked right before the first row is deleted. The row may be the last copy but one.
        await new OwnershipCheck(ends, journal, options).RequireSafeToCleanAsync(batch, cancellation);
        await CleanAsync(batch, cancellation);
        await options.StepAsync(MoveStep.Finish, CancellationToken.None);
        await MovePublication.DropAsync(ends.From, batch.Id, batch.Attempt, CancellationToken.None);
        await MoveImport.FinishAsync(ends.To, batch.Id, CancellationToken.None);
        await journal.FinishAsync(batch.Id, CancellationToken.None);
    }

    private async Task CleanAsync(MoveBatch batch, CancellationToken cancellation)
    {
        using var cleaning = await ends.Pipeline.Clean.EnterAsync(cancellation);
        if (await journal.TryEmptyAsync(cancellation))
            return;
        DeletedPage? page = null;
        do
        {
            using (await ends.Pipeline.Gate.PassAsync(cancellation))
                page = await journal.CleanAsync(batch.Id, RowsAtOnce(), page, cancellation);
            await options.Rate.SpendAsync(page.Deleted * CopyRate.BytesPerDeletedRow, cancellation);
        }
        while (page.Slot is not null);
    }

    private int RowsAtOnce() => options.CleanBatch ?? (int)options.Rate.Within(
        HandOverComparison.AtOnce, CopyRate.BytesPerDeletedRow, MinRowsAtOnce, MaxRowsAtOnce);
}
