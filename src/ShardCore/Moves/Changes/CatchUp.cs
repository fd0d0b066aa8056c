using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;

namespace ShardCore.Moves.Changes;

/// <summary>
/// Reads the source's stream and applies it at the target, from the end of the copy to the hand-over. All changes that have gathered are
/// applied in one target transaction. So the further it is behind, the faster it works.
/// </summary>
internal sealed class CatchUp : IAsyncDisposable
{
    private const int MaxBytesAtOnce = 8 * 1024 * 1024; // in one transaction of the target

    private static readonly TimeSpan ConfirmInterval = TimeSpan.FromMilliseconds(200);

    private readonly ChangeStream _stream;
    private readonly ChangeApplier _applier;
    private readonly int _batchRows;
    private readonly MoveProgress _progress;
    private readonly CancellationTokenSource _stop = new();
    private readonly ChangeQueue _pending = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _awaited = new(StringComparer.Ordinal);
    private readonly Task _reading;
    private readonly Task _applying;
    private readonly Task _confirming;

    private CatchUp(ChangeStream stream, ChangeApplier applier, int batchRows, MoveProgress progress)
    {
        _stream = stream;
        _applier = applier;
        _batchRows = batchRows;
        _progress = progress;
        _reading = Task.Run(ReadAsync);
        _applying = Task.Run(ApplyAsync);
        _confirming = Task.Run(ConfirmAsync);
    }

    public static CatchUp Start(ChangeStream stream, ChangeApplier applier, int batchRows, MoveProgress progress) =>
        new(stream, applier, batchRows, progress);

    /// <summary>Prepares to wait for a marker. Call this before the marker is put into the WAL.</summary>
    public void Expect(string marker) => _awaited[marker] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until the marker and all that was committed before it have been applied.</summary>
    /// <returns>False: the marker was not applied within the limit.</returns>
    /// <exception cref="Exception">The error that ended the reading or the applying.</exception>
    public async Task<bool> SeenAsync(string marker, TimeSpan limit, CancellationToken cancellation)
    {
        var seen = _awaited[marker].Task;
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = await Task.WhenAny(seen, _reading, _applying, Task.Delay(limit, timer.Token));
        await timer.CancelAsync();
        if (first == _reading || first == _applying)
            await first;
        cancellation.ThrowIfCancellationRequested();
        return seen.IsCompletedSuccessfully;
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var changes in _stream.ReadAsync(_stop.Token))
                await _pending.AddAsync(changes, _stop.Token);
            throw new StreamBrokenException("The source ended the stream of changes.");
        }
        catch (NpgsqlException e) when (!_stop.IsCancellationRequested)
        {
            throw new StreamBrokenException($"The stream of changes broke: {e.Message}", e);
        }
        finally
        {
            _pending.Complete();
        }
    }

    private async Task ConfirmAsync()
    {
        while (true)
        {
            await Task.Delay(ConfirmInterval, _stop.Token);
            if (_pending.IsEmpty)
                _stream.AcknowledgeAll();
        }
    }

    private async Task ApplyAsync()
    {
        var fold = new ChangeFold();
        var taken = new List<SourceChanges>();
        while (await _pending.WaitAsync(_stop.Token))
        {
            fold.Clear();
            taken.Clear();
            for (var bytes = 0L;
                fold.Rows < _batchRows && bytes < MaxBytesAtOnce && _pending.TryTake(out var changes);
                bytes += changes.Bytes)
            {
                taken.Add(changes);
                foreach (var change in changes.Changes)
                    fold.Add(change);
            }
            // Null: all of it belongs to one transaction, of which more follows.
            var end = taken.FindLast(changes => changes.EndLsn is not null)?.EndLsn;
            if (fold.Rows > 0)
                await _applier.ApplyAsync(fold, end, _stop.Token);
            Applied(taken, end);
        }
    }

    /// <summary>
    /// Acknowledges what was applied. This must come after the target's commit: if an acknowledged change were lost at the target, it
    /// would be lost for good.
    /// </summary>
    private void Applied(List<SourceChanges> taken, NpgsqlLogSequenceNumber? end)
    {
        _progress.Applied(taken.Sum(changes => changes.Changes.Count));
        if (end is { } lsn)
            _stream.Acknowledge(lsn);
        foreach (var (_, marker) in taken.SelectMany(changes => changes.Markers))
            if (_awaited.TryGetValue(marker, out var awaited))
                awaited.TrySetResult();
        foreach (var changes in taken)
            _pending.Applied(changes);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _applying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _confirming.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _pending.Dispose();
        _stop.Dispose();
    }
}
