using System.Diagnostics;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>Step 10: a target becomes the owner of slots that were released to it.</summary>
/// <remarks>
/// Not before every standby that streams from the source has the release on its disk: if one took over that lacks it, source and target
/// would both own the slots. That the release
/// stands there, and that the standbys have it, is asked in one session: a connection made anew may be to a standby that took over
/// meanwhile. And only with
/// the seal that the source noted with its release: a target that lost commits since may lack rows, and does not serve them.
/// </remarks>
internal sealed class TargetOwnership(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    /// <param name="batch">As the source's journal has it behind the release.</param>
    /// <param name="isFlushed">Every standby of the source is known to have the release.</param>
    /// <param name="held">Stopped when the target owns the slots.</param>
    /// <exception cref="StandbysBehindException" />
    /// <exception cref="BatchDisputedException">The target has not what it was given.</exception>
    public async Task TakeAsync(MoveBatch batch, bool isFlushed, Stopwatch? held, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Own, cancellation);
        if (!isFlushed && !options.IgnoresStandbys && !await IsReleasedForGoodAsync(batch, cancellation))
            return; // another mover, or the source went back: look again
        if (!await MoveImport.OwnAsync(ends.ToAtHandOver, batch, cancellation))
        {
            await DisputeAsync(batch, cancellation);
            return;
        }
        held?.Stop();
        await journal.AdvanceAsync(batch, MovePhase.Owned, cancellation);
    }

    /// <returns>False: it is not released by this attempt any more.</returns>
    private async Task<bool> IsReleasedForGoodAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await ends.FromAtHandOver.OpenAsync(cancellation);
        if (await MoveJournal.FindAsync(connection, batch.Id, cancellation) is not { Phase: MovePhase.Released } now || now.Attempt != batch.Attempt)
            return false;
        await LevelStandbys.RequireAsync(
            connection, ends.Source.Id, $"Batch {batch.Id} is released by {ends.Source.Id}, and nobody serves its slots until {ends.Target.Id} takes them.", options, cancellation);
        return true;
    }

    /// <summary>
    /// The target refused. Unless another mover has done this, and perhaps all the rest, meanwhile, it lost what it was given.
    /// </summary>
    private async Task DisputeAsync(MoveBatch batch, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        var why = $"{ends.Target.Id} does not have what {ends.Source.Id} gave it: {Has(word, batch)}. It lost commits. Nobody serves these slots; {ends.Source.Id} has their rows as of the release.";
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
