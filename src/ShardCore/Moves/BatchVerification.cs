using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;

namespace ShardCore.Moves;

/// <summary>
/// Step 12 of <see cref="BatchMover"/>: the rows of source and target are compared as of the hand-over. The source's rows may be deleted
/// only after that.
/// </summary>
internal sealed class BatchVerification(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    /// <exception cref="BatchDisputedException">The rows differ, or the target lost its ownership.</exception>
    public async Task RunAsync(MoveBatch batch, CancellationToken cancellation)
    {
        using var comparing = await ends.Pipeline.Compare.EnterAsync(cancellation);
        await options.StepAsync(MoveStep.Verify, cancellation);
        using (await ends.Pipeline.Gate.PassAsync(cancellation))
            await MovePublication.DropAsync(ends.From, batch.Id, batch.Attempt, cancellation);
        await ItemTable.RequireNoOtherColumnAsync(
            ends.From, ends.Source.Id, batch.Id, "Its slots have been handed over, and the source's rows are kept.", cancellation);
        if (await new OwnershipCheck(ends, journal, options).OwnedWordAsync(batch, cancellation) is not { } word)
            return;
        if (!batch.IsSettled)
        {
            var why = word.IsCompared ? await NewerAsync(batch, cancellation) : await DifferenceAsync(batch, cancellation);
            if (why is not null)
            {
                await DisputeAsync(batch, word, why, cancellation);
                return;
            }
            await MoveImport.ComparedAsync(ends.To, batch.Id, cancellation);
        }
        await journal.AdvanceAsync(batch, MovePhase.Verified, cancellation);
    }

    private async Task<string?> DifferenceAsync(MoveBatch batch, CancellationToken cancellation) =>
        await new HandOverComparison(ends, options).DifferencesAsync(batch, cancellation) is { Count: > 0 } differing
            ? $"the rows of {ends.Source.Id} and those that {ends.Target.Id} had at the hand-over differ in the slots "
                + $"{string.Join(',', differing)}. The source's rows are kept."
            : null;

    /// <summary>
    /// Whether the source has rows that are newer than its release. All rows of the release were compared once, but the source may have
    /// lost the note of it. A source that forgot its release, and released again, can only have older rows than those, unless somebody
    /// wrote there meanwhile.
    /// </summary>
    private async Task<string?> NewerAsync(MoveBatch batch, CancellationToken cancellation) =>
        batch.IsFollowing && await journal.HasNewerRowsAsync(batch, cancellation)
            ? $"{ends.Source.Id} lost its release and took writes to these slots, which {ends.Target.Id} had come to own. "
                + "The source's rows are kept."
            : null;

    /// <summary>
    /// Marks the batch as disputed, unless another mover has compared it meanwhile. In that case the rows are right, and this mover read
    /// them while they were being deleted.
    /// </summary>
    /// <exception cref="BatchDisputedException" />
    private async Task DisputeAsync(MoveBatch batch, ImportWord before, string why, CancellationToken cancellation)
    {
        var isCompared = (await ImportWord.AskAsync(ends.To, batch.Id, cancellation)).IsCompared;
        if (isCompared == before.IsCompared && await journal.DisputeAsync(batch, why, cancellation))
            throw new BatchDisputedException($"Batch {batch.Id}: {why}");
    }
}
