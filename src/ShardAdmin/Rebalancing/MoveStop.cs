using ShardAdmin.Failures;
using ShardCore.Moves.Journal;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Stops the movers of one run in a safe state, and knows the reason: the caller cancelled, another mover failed, or the journal says so.
/// </summary>
internal sealed class MoveStop(CancellationToken caller) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
    private int _reason = -1;

    public CancellationToken Token => _source.Token;

    /// <summary>The answer of the journal that stopped the run; null: the journal did not stop it.</summary>
    public ReportAnswer? Reason => Volatile.Read(ref _reason) is var reason and >= 0 ? (ReportAnswer)reason : null;

    /// <summary>Stops the run. If it is called several times, the first reason counts.</summary>
    public Task BecauseAsync(ReportAnswer reason)
    {
        Interlocked.CompareExchange(ref _reason, (int)reason, -1);
        return _source.CancelAsync();
    }

    public Task OthersAsync() => _source.CancelAsync();

    /// <summary>
    /// Exit 5: somebody else changed the operation while the command ran. The other codes would be wrong: the operation is not done (0),
    /// nothing failed (1), and nobody interrupted this process (130).
    /// </summary>
    public CommandFailedException Failure(Guid operation) => Reason switch
    {
        ReportAnswer.Pause => new CommandFailedException(new Failure(
            ExitCode.Conflict, $"Operation {operation} was paused.",
            "Slots that have moved stay moved; every other slot is served where it was.", $"shardadmin ops resume {operation}")),
        ReportAnswer.Cancel => new CommandFailedException(new Failure(
            ExitCode.Conflict, $"Operation {operation} was cancelled.",
            "Slots that have moved stay moved; every other slot stays where it was.", $"shardadmin ops show {operation}")),
        _ => new CommandFailedException(
            ExitCode.Conflict, $"Another process took over operation {operation}.", $"shardadmin ops watch {operation}"),
    };

    public void Dispose() => _source.Dispose();
}
