using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using NpgsqlTypes;

namespace ShardCore.Moves.Changes;

/// <summary>
/// The source's committed changes to the slots of one move, by logical replication. The replication slot is temporary: it goes with this
/// connection, so a crash cannot leave a slot behind that keeps WAL.
/// </summary>
internal sealed class ChangeStream : IAsyncDisposable
{
    /// <summary>A transaction that takes more memory than this comes in pieces of about this size.</summary>
    internal const int PieceBytes = 1024 * 1024;

    private readonly LogicalReplicationConnection _connection;
    private readonly PgOutputReplicationSlot _slot;
    private readonly string _publication;

    private ChangeStream(LogicalReplicationConnection connection, PgOutputReplicationSlot slot, string publication)
    {
        _connection = connection;
        _slot = slot;
        _publication = publication;
    }

    /// <summary>
    /// A snapshot of exactly the state after which the stream begins. It can be imported until <see cref="ReadAsync"/> is called, because
    /// that ends it.
    /// </summary>
    public string SnapshotName => _slot.SnapshotName!;

    /// <param name="connectionString">Its lock_timeout bounds the wait for each transaction that runs at the source.</param>
    /// <exception cref="PostgresException">lock_not_available: a transaction ran for longer.</exception>
    public static async Task<ChangeStream> OpenAsync(
        string connectionString, string publication, string slotName, CancellationToken cancellation)
    {
        var connection = new LogicalReplicationConnection(connectionString) { WalReceiverStatusInterval = TimeSpan.FromSeconds(1) };
        try
        {
            await connection.Open(cancellation);
            var slot = await connection.CreatePgOutputReplicationSlot(
                slotName, temporarySlot: true, slotSnapshotInitMode: LogicalSlotSnapshotInitMode.Export, cancellationToken: cancellation);
            return new ChangeStream(connection, slot, publication);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Reads the transactions in the order of their commits. Everything is copied out of the library's messages, because the library
    /// reuses them.
    /// </summary>
    public async IAsyncEnumerable<SourceChanges> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var options = new PgOutputReplicationOptions(_publication, PgOutputProtocolVersion.V1, binary: false, messages: true);
        var changes = new List<RowChange>();
        var markers = new List<(string, string)>();
        var bytes = 0L;
        await foreach (var message in _connection.StartReplication(_slot, options, cancellation))
        {
            if (bytes > PieceBytes)
                yield return Take(endLsn: null);
            switch (message)
            {
                case LogicalDecodingMessage marker:
                    markers.Add((marker.Prefix, await TextOf(marker.Data, cancellation)));
                    break;
                case InsertMessage insert:
                    Add(await RowAsync(insert.NewRow, inserted: true, cancellation));
                    break;
                case IndexUpdateMessage:
                    throw new NotSupportedException("A key of sharding.item changed under a move.");
                case FullUpdateMessage update: // the table's replica identity is "full": the old row comes first
                    var before = await ValuesAsync(update.OldRow, cancellation);
                    var after = await RowAsync(update.NewRow, inserted: false, cancellation);
                    if (Key(before) != after.Key)
                        throw new NotSupportedException("A key of sharding.item changed under a move.");
                    Add(after);
                    break;
                case UpdateMessage update:
                    Add(await RowAsync(update.NewRow, inserted: false, cancellation));
                    break;
                case KeyDeleteMessage delete:
                    Add(new RowChange(Key(await ValuesAsync(delete.Key, cancellation)), Inserted: false, Values: null));
                    break;
                case FullDeleteMessage delete:
                    Add(new RowChange(Key(await ValuesAsync(delete.OldRow, cancellation)), Inserted: false, Values: null));
                    break;
                case TruncateMessage:
                    throw new NotSupportedException("sharding.item was truncated under a move: truncation ignores slots.");
                case CommitMessage commit:
                    yield return Take(commit.TransactionEndLsn);
                    break;
                case BeginMessage or RelationMessage or TypeMessage or OriginMessage:
                    break;
                default: // to ignore an unknown kind of change would lose that change
                    throw new NotSupportedException($"The source sent a message that a move does not know: {message.GetType().Name}.");
            }
        }

        void Add(RowChange change)
        {
            changes.Add(change);
            bytes += change.Bytes;
        }

        SourceChanges Take(NpgsqlLogSequenceNumber? endLsn)
        {
            var taken = new SourceChanges(endLsn, [.. changes], endLsn is null ? [] : [.. markers], bytes);
            changes.Clear();
            bytes = 0;
            if (endLsn is not null)
                markers.Clear();
            return taken;
        }
    }

    /// <summary>Lets the source remove WAL up to here. Call this only for what the target has committed.</summary>
    public void Acknowledge(NpgsqlLogSequenceNumber applied) => _connection.SetReplicationStatus(applied);

    /// <summary>
    /// Acknowledges everything that was sent, including what concerns no slot of the move. A source that is switched over waits for that
    /// before it stops, without a limit. The slot ends with this connection, so nothing is ever read again from here.
    /// </summary>
    public void AcknowledgeAll() => _connection.SetReplicationStatus(_connection.LastReceivedLsn);

    private static async Task<RowChange> RowAsync(ReplicationTuple row, bool inserted, CancellationToken cancellation)
    {
        var values = await ValuesAsync(row, cancellation);
        return new RowChange(Key(values), inserted, new RowValues(
            values["version"]!, values["updated_at"]!, values["expires_at"], values.GetValueOrDefault("doc")));
    }

    private static RowKey Key(Dictionary<string, string?> values) =>
        new(values["slot"]!, values["collection"]!, values["pk"]!, values["id"]!);

    /// <summary>Reads the values by column name. A large value that the change left as it was is missing.</summary>
    private static async Task<Dictionary<string, string?>> ValuesAsync(ReplicationTuple row, CancellationToken cancellation)
    {
        var values = new Dictionary<string, string?>(8, StringComparer.Ordinal);
        await foreach (var value in row.WithCancellation(cancellation))
            if (!value.IsUnchangedToastedValue)
                values[value.GetFieldName()] = value.IsDBNull ? null : await value.Get<string>(cancellation);
        return values;
    }

    private static async Task<string> TextOf(Stream data, CancellationToken cancellation)
    {
        using var reader = new StreamReader(data, Encoding.UTF8);
        return await reader.ReadToEndAsync(cancellation);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
