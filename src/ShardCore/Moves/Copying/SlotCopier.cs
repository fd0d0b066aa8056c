using Npgsql;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>
/// Copies slots by binary COPY from one server into the other, the bytes passing through as they are. Every source
/// connection looks at the one exported snapshot.
/// </summary>
internal sealed class SlotCopier(ShardDatabase source, AttemptSessions target, MoveImport import, CopyRate rate, HandOverGate gate, MoveProgress progress)
{
    private const int BufferBytes = 64 * 1024; // at a low rate also what comes at once

    /// <summary>The fewer slots a COPY reads, the less of each page that it fetches (<see cref="PageOrder"/>); so it is not divided for less than this.</summary>
    private const int WorthItsOwnCopyBytes = 16 * 1024 * 1024;

    /// <param name="connections">Pairs of connections that copy at the same time, each some of the slots.</param>
    /// <param name="expectedBytes">An estimate of all; null: not known, so it may be much.</param>
    public async Task CopyAsync(IReadOnlyCollection<Slot> slots, string snapshotName, int connections, long? expectedBytes, CancellationToken cancellation)
    {
        var copies = CopiesOf(connections, expectedBytes);
        await Task.WhenAll(slots.Order().Chunk((slots.Count + copies - 1) / copies).Select(some => CopyAsync(some, snapshotName, cancellation)));
    }

    internal static int CopiesOf(int connections, long? expectedBytes) => (int)Math.Clamp(expectedBytes / WorthItsOwnCopyBytes ?? connections, 1, connections);

    private async Task CopyAsync(Slot[] slots, string snapshotName, CancellationToken cancellation)
    {
        await using var from = await source.OpenAsync(cancellation);
        await using var snapshot = await from.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellation);
        await ExportedSnapshot.ImportAsync(from, snapshotName, cancellation);
        await ItemTable.RequireNotRewrittenAsync(from, cancellation);
        await PageOrder.SetAsync(from, cancellation);
        await CopyAsync(from, slots, cancellation);
    }

    private async Task CopyAsync(NpgsqlConnection from, Slot[] slots, CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        var to = session.Connection;
        await using var transaction = await to.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await using (var reading = await from.BeginRawBinaryCopyAsync(ReadSql(slots), cancellation))
        await using (var writing = await to.BeginRawBinaryCopyAsync($"copy sharding.item ({ItemTable.Columns}) from stdin (format binary)", cancellation))
        {
            try
            {
                await PipeAsync(reading, writing, cancellation);
            }
            catch
            {
                await EndAsync(writing);
                throw;
            }
        }
        await import.CheckAsync(to, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Disposing it would complete the COPY with what has come so far. Where its connection broke it is over already, and must not hide what broke it.</summary>
    private static async Task EndAsync(NpgsqlRawCopyStream writing)
    {
        try
        {
            await writing.CancelAsync();
        }
        catch (Exception e) when (e is ObjectDisposedException or NpgsqlException)
        {
            // The transaction is not committed either way.
        }
    }

    private static string ReadSql(Slot[] slots) =>
        $$"""copy (select {{ItemTable.Columns}} from sharding.item where slot = any ('{{{string.Join(',', slots)}}}'::smallint[])) to stdout (format binary)""";

    private async Task PipeAsync(NpgsqlRawCopyStream reading, NpgsqlRawCopyStream writing, CancellationToken cancellation)
    {
        var buffer = new byte[BufferBytes];
        var counter = new CopyRowCounter();
        for (int read; (read = await FillAsync(reading, buffer, cancellation)) > 0;)
        {
            await rate.SpendAsync(read, cancellation);
            using var pass = await gate.PassAsync(cancellation);
            await writing.WriteAsync(buffer.AsMemory(0, read), cancellation);
            progress.Copied(read, counter.Add(buffer.AsSpan(0, read)));
        }
    }

    /// <summary>The stream gives a row at a time; a message to the target for each would cost more than the row.</summary>
    /// <returns>Fewer bytes than the buffer has only at the end.</returns>
    private static async ValueTask<int> FillAsync(NpgsqlRawCopyStream reading, Memory<byte> buffer, CancellationToken cancellation)
    {
        var filled = 0;
        for (int read; filled < buffer.Length && (read = await reading.ReadAsync(buffer[filled..], cancellation)) > 0;)
            filled += read;
        return filled;
    }
}
