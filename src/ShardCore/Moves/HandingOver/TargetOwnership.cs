using System.Diagnostics;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;

namespace ShardCore.Moves.HandingOver;

/// <summary>Step 10: the target becomes the owner of the slots that were released to it.</summary>
/// <remarks>
/// The target must not own before every standby that streams from the source has the release on its disk. If a standby without the release
/// took over, source and target would both own the slots. Whether the release is there, and whether the standbys have it, is asked in one
/// session, because a new connection may lead to a standby that took over meanwhile.
/// The target owns only with the seal that the source noted with its release. A target that has lost commits since may lack rows, and does
/// not serve the slots.
/// </remarks>
internal sealed class TargetOwnership(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    /// <param name="batch">The batch as the source's journal has it after the release.</param>
    /// <param name="isFlushed">True: every standby of the source is known to have the release.</param>
    /// <param name="held">Measures how long writers wait. It is stopped when the target owns the slots.</param>
    /// <exception cref="StandbysBehindException" />
    /// <exception cref="BatchDisputedException">The target does not have what it was given.</exception>
    public async Task TakeAsync(MoveBatch batch, bool isFlushed, Stopwatch? held, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Own, cancellation);
        if (!isFlushed && !options.IgnoresStandbys && !await IsReleasedForGoodAsync(batch, cancellation))
            return; // another mover went on, or the source went back to an earlier state: the caller looks again
        if (!await MoveImport.OwnAsync(ends.ToAtHandOver, batch, cancellation))
        {
            await DisputeAsync(batch, cancellation);
            return;
        }
        held?.Stop();
        await journal.AdvanceAsync(batch, MovePhase.Owned, cancellation);
    }

    /// <returns>False: the batch is not released by this attempt any more.</returns>
    private async Task<bool> IsReleasedForGoodAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await ends.FromAtHandOver.OpenAsync(cancellation);
        if (await MoveJournal.FindAsync(connection, batch.Id, cancellation) is not { Phase: MovePhase.Released } now
            || now.Attempt != batch.Attempt)
            return false;
        await LevelStandbys.RequireAsync(
            connection, ends.Source.Id,
            $"Batch {batch.Id} is released by {ends.Source.Id}, and nobody serves its slots until {ends.Target.Id} takes them.",
            options, cancellation);
        return true;
    }

    /// <summary>
    /// Handles a refusal of the target. Either another mover has done this step meanwhile, and perhaps all the rest, or the target lost
    /// what it was given.
    /// </summary>
    private async Task DisputeAsync(MoveBatch batch, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        var why = $"{ends.Target.Id} does not have what {ends.Source.Id} gave it: {Has(word, batch)}. It lost commits. "
            + $"Nobody serves these slots; {ends.Source.Id} has their rows as of the release.";
        if (await journal.DisputeAsync(batch, why, cancellation))
            throw new BatchDisputedException($"Batch {batch.Id}: {why}");
    }

    private static string Has(ImportWord word, MoveBatch batch) => word.State switch
    {
        ImportState.Unknown => "it never heard of this batch",
        ImportState.Cancelled => $"it has ended attempt {word.Attempt} of this batch",
        _ when word.Attempt != batch.Attempt => $"it knows attempt {word.Attempt} of this batch, and {batch.Attempt} was released",
        ImportState.Owned or ImportState.Passed => $"it owns the slots at epoch {word.Epoch}, and they were released at {batch.Epoch}",
        _ => "the last of the rows are not there",
    };
}
