using ShardAdmin.CommandLine;
using ShardCore.Moves.Journal;

namespace ShardAdmin.Rebalancing;

/// <summary>Why the movers of one run are to end in a safe state: the caller's wish, a failure beside them, or what the journal says.</summary>
internal sealed class MoveStop(CancellationToken caller) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
    private int _reason = -1;

    public CancellationToken Token => _source.Token;

    /// <summary>What the journal said; null: nothing.</summary>
    public ReportAnswer? Reason => Volatile.Read(ref _reason) is var reason and >= 0 ? (ReportAnswer)reason : null;

    /// <summary>The first reason is told.</summary>
    public Task BecauseAsync(ReportAnswer reason)
    {
        Interlocked.CompareExchange(ref _reason, (int)reason, -1);
        return _source.CancelAsync();
    }

    public Task OthersAsync() => _source.CancelAsync();

    /// <summary>
    /// Exit 5, as for whatever somebody else changed under a command: it is not done (0), nothing failed (1), and
    /// nobody interrupted this process (130).
    /// </summary>
    public CommandFailedException Failure(Guid operation) => Reason switch
    {
        ReportAnswer.Pause => new CommandFailedException(new Failure(
            ExitCode.Conflict, $"Operation {operation} was paused.", "What has been moved is final; every other slot is where it was and serves.", $"shardadmin ops resume {operation}")),
        ReportAnswer.Cancel => new CommandFailedException(new Failure(
            ExitCode.Conflict, $"Operation {operation} was cancelled.", "What has been moved is final; every other slot stays where it was.", $"shardadmin ops show {operation}")),
        _ => new CommandFailedException(ExitCode.Conflict, $"Another process took over operation {operation}.", $"shardadmin ops watch {operation}"),
    };

    public void Dispose() => _source.Dispose();
}
