using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Reports the progress of a batch to its journal about once a second. The answer tells whether people want the batch to run, pause or be
/// cancelled. The reports also show that the mover lives: if they stop for long, an agent takes the operation over.
/// </summary>
internal sealed class MoveHeartbeat : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly MoveReports _reports;
    private readonly Guid _batch;
    private readonly string _mover;
    private readonly ReportAnswer _known;
    private readonly MoveProgress _progress;
    private readonly MoveStop _stop;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _beating;

    private MoveHeartbeat(MoveReports reports, Guid batch, string mover, ReportAnswer known, MoveProgress progress, MoveStop stop)
    {
        (_reports, _batch, _mover, _known, _progress, _stop) = (reports, batch, mover, known, progress, stop);
        _beating = Task.Run(BeatAsync);
    }

    /// <param name="wish">
    /// The wish when the mover began with the batch. A mover may complete a released batch although the operation is paused or cancelled;
    /// this known wish does not stop it.
    /// </param>
    public static MoveHeartbeat Start(
        MoveReports reports, Guid batch, string mover, MoveWish wish, MoveProgress progress, MoveStop stop) => new(
        reports, batch, mover,
        wish switch { MoveWish.Pause => ReportAnswer.Pause, MoveWish.Cancel => ReportAnswer.Cancel, _ => ReportAnswer.Run },
        progress, stop);

    /// <summary>Reports at once. The mover also calls it between the beats, when a number is final.</summary>
    public async Task ReportAsync(CancellationToken cancellation)
    {
        ReportAnswer answer;
        try
        {
            answer = await _reports.ReportAsync(_batch, _mover, _progress, cancellation);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return; // the mover itself notices when its source is away
        }
        if (answer is not (ReportAnswer.Run or ReportAnswer.Gone) && answer != _known)
            await _stop.BecauseAsync(answer);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _beating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        while (await timer.WaitForNextTickAsync(_end.Token))
            await ReportAsync(_end.Token);
    }
}
