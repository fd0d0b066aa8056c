using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// Copies slots by binary COPY from one server into the other, the bytes passing through as they are. Every source
/// connection looks at the one exported snapshot.
/// </summary>
internal sealed class SlotCopier(NpgsqlDataSource source, NpgsqlDataSource target, MoveImport import, CopyRate rate, MoveProgress progress)
{
    private const string Columns = "version, updated_at, expires_at, slot, collection, pk, id, doc";
    private const int BufferBytes = 64 * 1024; // at a low rate also what comes at once

    /// <param name="connections">Pairs of connections that copy at the same time, each some of the slots.</param>
    public async Task CopyAsync(IReadOnlyCollection<Slot> slots, string snapshotName, int connections, CancellationToken cancellation)
    {
        var pending = new ConcurrentQueue<Slot[]>(slots.Order().Chunk(Math.Max(1, slots.Count / (connections * 4))));
        await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => WorkAsync(pending, snapshotName, cancellation)));
    }

    private async Task WorkAsync(ConcurrentQueue<Slot[]> pending, string snapshotName, CancellationToken cancellation)
    {
        await using var from = await source.OpenConnectionAsync(cancellation);
        await using var snapshot = await from.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellation);
        await ExportedSnapshot.ImportAsync(from, snapshotName, cancellation);
        while (pending.TryDequeue(out var slots))
            await CopyAsync(from, slots, cancellation);
    }

    private async Task CopyAsync(NpgsqlConnection from, Slot[] slots, CancellationToken cancellation)
    {
        await using var to = await target.OpenConnectionAsync(cancellation);
        await using var transaction = await to.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        var list = string.Join(',', slots);
        await using (var reading = await from.BeginRawBinaryCopyAsync($"copy (select {Columns} from sharding.item where slot in ({list})) to stdout (format binary)", cancellation))
        await using (var writing = await to.BeginRawBinaryCopyAsync($"copy sharding.item ({Columns}) from stdin (format binary)", cancellation))
        {
            try
            {
                await PipeAsync(reading, writing, cancellation);
            }
            catch
            {
                await writing.CancelAsync(); // or disposing it would complete the COPY with what has come so far
                throw;
            }
        }
        await import.CheckAsync(to, applied: null, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private async Task PipeAsync(NpgsqlRawCopyStream reading, NpgsqlRawCopyStream writing, CancellationToken cancellation)
    {
        var buffer = new byte[BufferBytes];
        var counter = new CopyRowCounter();
        for (int read; (read = await reading.ReadAsync(buffer, cancellation)) > 0;)
        {
            await rate.SpendAsync(read, cancellation);
            await writing.WriteAsync(buffer.AsMemory(0, read), cancellation);
            progress.Copied(read, counter.Add(buffer.AsSpan(0, read)));
        }
    }
}
