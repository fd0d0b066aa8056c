using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Steps 11, 12 and 13 of <see cref="BatchMover"/> first ask the target whether it still owns the slots by this batch. A target that lost
/// commits may not know it any more. Then the batch is disputed, and no more rows of the source are deleted.
/// </summary>
internal sealed class OwnershipCheck(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    /// <returns>What the target says, if it owns the slots by this batch. Null: another mover has gone on with the batch.</returns>
    /// <exception cref="BatchDisputedException">The target lost its ownership.</exception>
    public async Task<ImportWord?> OwnedWordAsync(MoveBatch batch, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (IsOwner(word, batch))
            return word;
        await DisputeAsync(batch, LostOwnership(word, batch), cancellation);
        return null;
    }

    /// <summary>
    /// The source's rows are deleted only while three things are true: the target owns the slots, it has been compared, and every standby
    /// that streams from it knows both.
    /// </summary>
    public async Task RequireSafeToCleanAsync(MoveBatch batch, CancellationToken cancellation)
    {
        // Both questions are asked in one session, because a new connection may lead to a standby that took over meanwhile.
        await using var connection = await ends.To.OpenAsync(cancellation);
        var word = await ImportWord.AskAsync(connection, batch.Id, cancellation);
        if (!IsOwner(word, batch) || !(word.IsCompared || batch.IsSettled))
        {
            var why = IsOwner(word, batch)
                ? $"{ends.Target.Id} does not know any more that its rows were compared: it lost commits. The source's rows are kept."
                : LostOwnership(word, batch);
            await DisputeAsync(batch, why, cancellation);
            throw new AttemptOverException($"Batch {batch.Id}: somebody else has gone on with it.");
        }
        await LevelStandbys.RequireAsync(
            connection, ends.Target.Id, $"Batch {batch.Id} is handed over, and its rows at {ends.Source.Id} are kept.", options,
            cancellation);
    }

    /// <summary>
    /// Whether the target owns the slots by this batch, or the slots went on from it and a person said that this is right.
    /// </summary>
    private static bool IsOwner(ImportWord word, MoveBatch batch) =>
        word.Epoch == batch.Epoch && (word.State == ImportState.Owned || (word.State == ImportState.Passed && batch.IsSettled));

    private string LostOwnership(ImportWord word, MoveBatch batch)
    {
        var rows = batch.Phase == MovePhase.Verified
            ? $"{ends.Source.Id} may have deleted some of its rows already."
            : $"{ends.Source.Id} has the rows as of the release.";
        return word.State == ImportState.Passed
            ? $"{ends.Target.Id} owned these slots, and they went on to another shard since; {ends.Source.Id} went back to before that. "
                + rows
            : $"{ends.Target.Id} owned these slots and does not know it any more: it lost commits, "
                + $"and writes that it took may be among them. {rows}";
    }

    /// <summary>Returns only if somebody else has gone on with the batch since: then nothing is done.</summary>
    /// <exception cref="BatchDisputedException" />
    private async Task DisputeAsync(MoveBatch batch, string why, CancellationToken cancellation)
    {
        if (await journal.DisputeAsync(batch, why, cancellation))
            throw new BatchDisputedException($"Batch {batch.Id}: {why}");
    }
}
