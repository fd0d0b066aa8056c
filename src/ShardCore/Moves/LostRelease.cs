using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;

namespace ShardCore.Moves;

/// <summary>
/// The source, or the server that replaced it, forgot its release: the journal says that the source owns the slots, and the target says
/// that it became their owner by this batch. The target is right, because it owns only what was released. So the source releases once
/// more, and never thaws.
/// </summary>
internal sealed class LostRelease(MoveEnds ends, MoveJournal journal, MoveOptions options)
{
    private const int MaxTries = 100;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <exception cref="MoveFailedException">Transactions at the source keep the slots locked without end.</exception>
    public async Task FollowAsync(MoveBatch batch, ImportWord word, CancellationToken cancellation)
    {
        var (epoch, floor) = (word.Epoch!.Value, word.VersionFloor!.Value); // a target that owns knows both
        for (var tries = 1; !await journal.TryFollowAsync(batch.Id, word.Attempt, epoch, floor, options.LockTimeout, cancellation); tries++)
        {
            if (tries == MaxTries)
                throw new MoveFailedException(
                    $"Batch {batch.Id}: {ends.Target.Id} owns its slots, and {ends.Source.Id} could not release them: "
                    + "transactions there hold them without end.");
            await Task.Delay(Pause, cancellation);
        }
    }
}
