using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Sessions;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>
/// Copies slots by binary COPY from one server into the other. The bytes pass through unchanged. Every source connection uses the same
/// exported snapshot.
/// </summary>
internal sealed class SlotCopier(
    ShardDatabase source, AttemptSessions target, MoveImport import, CollectionTransfer collections, CopyRate rate, HandOverGate gate,
    MoveProgress progress)
{
    private const string Group = "group_"; // a savepoint

    private const int BufferBytes = 64 * 1024; // at a low rate this is also the size of one burst

    /// <summary>
    /// The fewer slots a COPY reads, the less it uses of each page that it fetches (<see cref="PageOrder"/>). So a copy is not divided
    /// into parts smaller than this.
    /// </summary>
    private const int WorthItsOwnCopyBytes = 16 * 1024 * 1024;

    /// <param name="connections">
    /// The number of pairs of connections that copy at the same time. Each pair copies some of the slots.
    /// </param>
    /// <param name="expectedBytes">An estimate for all slots; null: not known, so it may be much.</param>
    public async Task CopyAsync(
        IReadOnlyCollection<Slot> slots, string snapshotName, int connections, long? expectedBytes, CancellationToken cancellation)
    {
        var copies = CopiesOf(connections, expectedBytes);
        await Task.WhenAll(
            slots.Order().Chunk((slots.Count + copies - 1) / copies).Select(some => CopyAsync(some, snapshotName, cancellation)));
    }

    internal static int CopiesOf(int connections, long? expectedBytes) =>
        (int)Math.Clamp(expectedBytes / WorthItsOwnCopyBytes ?? connections, 1, connections);

    private async Task CopyAsync(Slot[] slots, string snapshotName, CancellationToken cancellation)
    {
        await using var from = await source.OpenAsync(cancellation);
        await using var snapshot = await from.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellation);
        await ExportedSnapshot.ImportAsync(from, snapshotName, cancellation);
        await PageOrder.SetAsync(from, cancellation);
        var groups = await ItemTable.FilledAsync(from, cancellation);
        await collections.EnsureAsync([.. groups.SelectMany(group => group.Collections)], cancellation);
        foreach (var group in groups)
        {
            await snapshot.SaveAsync(Group, cancellation);
            await ItemTable.RequireNotRewrittenAsync(from, group, cancellation);
            await CopyAsync(from, slots, group, cancellation);
            await snapshot.RollbackAsync(Group, cancellation); // gives the locks of the group free
        }
    }

    private async Task CopyAsync(NpgsqlConnection from, Slot[] slots, ItemPartitionGroup group, CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        var to = session.Connection;
        await using var transaction = await to.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await using (var reading = await from.BeginRawBinaryCopyAsync(ReadSql(slots, group), cancellation))
        await using (var writing = await to.BeginRawBinaryCopyAsync(
            $"copy {group.Into} ({ItemTable.Columns}) from stdin (format binary)", cancellation))
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

    /// <summary>
    /// Cancels the COPY, because disposing it would complete it with the rows so far. If the connection broke, the COPY is over already.
    /// An error here must not hide the one that broke the connection.
    /// </summary>
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

    private static string ReadSql(Slot[] slots, ItemPartitionGroup group) =>
        $$"""
        copy (select {{ItemTable.Columns}} from {{group.Rows}} i where slot = any ('{{{string.Join(',', slots)}}}'::smallint[]))
        to stdout (format binary)
        """;

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

    /// <summary>
    /// Fills the buffer, because the stream gives one row at a time. A message to the target for each row would cost more than the row.
    /// </summary>
    /// <returns>The number of bytes read. It is smaller than the buffer only at the end.</returns>
    private static async ValueTask<int> FillAsync(NpgsqlRawCopyStream reading, Memory<byte> buffer, CancellationToken cancellation)
    {
        var filled = 0;
        for (int read; filled < buffer.Length && (read = await reading.ReadAsync(buffer[filled..], cancellation)) > 0;)
            filled += read;
        return filled;
    }
}
