using System.Collections.Concurrent;
using System.Threading.Channels;
using Npgsql;

namespace ShardCore.Moves;

/// <summary>
/// Reads the source's stream and applies it at the target, from the end of the copy to the hand-over. Takes whatever
/// has gathered as one target transaction, so it is the faster the further it is behind.
/// </summary>
internal sealed class CatchUp : IAsyncDisposable
{
    private const int MaxPending = 256; // transactions between reader and applier: bounds the memory

    private readonly ChangeStream _stream;
    private readonly ChangeApplier _applier;
    private readonly int _batchRows;
    private readonly MoveProgress _progress;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<SourceTransaction> _pending = Channel.CreateBounded<SourceTransaction>(MaxPending);
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _awaited = new(StringComparer.Ordinal);
    private readonly Task _reading;
    private readonly Task _applying;

    private CatchUp(ChangeStream stream, ChangeApplier applier, int batchRows, MoveProgress progress)
    {
        _stream = stream;
        _applier = applier;
        _batchRows = batchRows;
        _progress = progress;
        _reading = Task.Run(ReadAsync);
        _applying = Task.Run(ApplyAsync);
    }

    public static CatchUp Start(ChangeStream stream, ChangeApplier applier, int batchRows, MoveProgress progress) => new(stream, applier, batchRows, progress);

    /// <summary>Call before the marker is put into the WAL.</summary>
    public void Expect(string marker) => _awaited[marker] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until the marker and all that was committed before it have been applied.</summary>
    /// <returns>False: not within the limit.</returns>
    /// <exception cref="Exception">Whatever ended the reading or the applying.</exception>
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
            await foreach (var transaction in _stream.ReadAsync(_stop.Token))
                await _pending.Writer.WriteAsync(transaction, _stop.Token);
            throw new StreamBrokenException("The source ended the stream of changes.");
        }
        catch (NpgsqlException e) when (!_stop.IsCancellationRequested)
        {
            throw new StreamBrokenException($"The stream of changes broke: {e.Message}", e);
        }
        finally
        {
            _pending.Writer.TryComplete();
        }
    }

    private async Task ApplyAsync()
    {
        var fold = new ChangeFold();
        var markers = new List<string>();
        while (await _pending.Reader.WaitToReadAsync(_stop.Token))
        {
            fold.Clear();
            markers.Clear();
            SourceTransaction? last = null;
            var changes = 0;
            while (fold.Rows < _batchRows && _pending.Reader.TryRead(out var transaction))
            {
                foreach (var change in transaction.Changes)
                    fold.Add(change);
                markers.AddRange(transaction.Markers.Select(marker => marker.Text));
                changes += transaction.Changes.Count;
                last = transaction;
            }
            if (last is null)
                continue;
            if (fold.Rows > 0)
                await _applier.ApplyAsync(fold, last.EndLsn, _stop.Token);
            _progress.Applied(changes);
            // Only now, with the target's commit behind us: an acknowledged change that the target lost would be lost for good.
            _stream.Acknowledge(last.EndLsn);
            foreach (var marker in markers)
                if (_awaited.TryGetValue(marker, out var awaited))
                    awaited.TrySetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _applying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
