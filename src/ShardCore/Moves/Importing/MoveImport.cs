using Dapper;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>The target's side of one attempt at a batch. What it brings counts only while the attempt is the current one.</summary>
/// <param name="slots">All slots of the batch.</param>
/// <exception cref="AttemptOverException">Every call throws this if the attempt is not the current one.</exception>
internal sealed class MoveImport(AttemptSessions target, Guid batch, IReadOnlyCollection<Slot> slots, int attempt)
{
    private const string NotToBeHad = "SH010";
    private const string AttemptOver = "SH011";
    private const int PurgeBatch = 5000;
    private const string LeftSql = "select sharding.has_items(@slots)";

    /// <summary>
    /// Begins the import of the slots, deletes the rows that are in them, and checks that none are left. First it ends the backends of
    /// earlier attempts: one that sleeps within its commit would hold the import's row and keep us waiting. It never ends backends of
    /// later attempts.
    /// </summary>
    public async Task BeginAsync(ShardId source, Epoch epoch, CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        var connection = session.Connection;
        await connection.ExecuteAsync(new CommandDefinition(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where pid <> pg_backend_pid() and datname = current_database()
              and case when application_name like @move || '/%' then split_part(application_name, '/', 2)::integer < @attempt end
            """,
            new { move = AttemptSessions.NameOf(batch), attempt }, cancellationToken: cancellation));
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "select sharding.import_begin(@id, @attempt, @source, @slots, @epoch)",
                new { id = batch, attempt, source = source.Value, slots = MoveJournal.ToArray(slots), epoch = epoch.Value },
                cancellationToken: cancellation));
            DeletedPage? page = null;
            do
                page = await connection.QuerySingleAsync<DeletedPage>(new CommandDefinition(
                    $"select {DeletedPage.Columns} "
                        + "from sharding.import_purge(@id, @attempt, @limit, @Slot::smallint, @Collection, @Pk, @Key)",
                    new { id = batch, attempt, limit = PurgeBatch, page?.Slot, page?.Collection, page?.Pk, page?.Key },
                    cancellationToken: cancellation));
            while (page.Slot is not null);
            if (await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition(LeftSql, new { slots = MoveJournal.ToArray(slots) }, cancellationToken: cancellation)))
                throw new MoveFailedException(
                    $"Batch {batch}: rows are left in its slots at the target although they were purged; "
                        + "somebody else brings rows there.");
        }
        catch (PostgresException e) when (e.SqlState == AttemptOver)
        {
            throw new AttemptOverException(e.MessageText, e);
        }
        catch (PostgresException e) when (e.SqlState == NotToBeHad)
        {
            throw new MoveFailedException($"The target does not import the slots: {e.MessageText}.");
        }
    }

    /// <summary>Runs the last statement of a transaction that brings rows (see <c>sharding.import_check</c>).</summary>
    public async Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var statements = new NpgsqlBatch(connection) { BatchCommands = { Check(applied: null) } };
        await RunAsync(statements, cancellation);
    }

    /// <summary>
    /// Seals the import, when all rows are there. This is the last transaction before the release. The same round trip asks how far the
    /// standbys are.
    /// </summary>
    public async Task<StandbyReading> SealAsync(NpgsqlConnection connection, byte[] seal, CancellationToken cancellation)
    {
        await using var statements = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("begin isolation level read committed"),
                new NpgsqlBatchCommand("select sharding.import_seal($1, $2, $3)")
                {
                    Parameters =
                    {
                        new NpgsqlParameter<Guid> { TypedValue = batch },
                        new NpgsqlParameter<int> { TypedValue = attempt },
                        new NpgsqlParameter<byte[]> { TypedValue = seal },
                    },
                },
                new NpgsqlBatchCommand("commit"),
                new NpgsqlBatchCommand(StandbyFlush.NowSql),
            },
        };
        try
        {
            await using var reader = await statements.ExecuteReaderAsync(cancellation);
            await reader.NextResultAsync(cancellation);
            await reader.ReadAsync(cancellation);
            return new StandbyReading(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1));
        }
        catch (PostgresException e) when (e.SqlState == AttemptOver)
        {
            throw new AttemptOverException(e.MessageText, e);
        }
    }

    /// <summary>The same check as one of several statements that go in one round trip.</summary>
    /// <param name="applied">The position behind the changes that come with it; null: the stored position stays as it is.</param>
    public NpgsqlBatchCommand Check(NpgsqlLogSequenceNumber? applied) => new("select sharding.import_check($1, $2, $3::text::pg_lsn)")
    {
        Parameters =
        {
            new NpgsqlParameter<Guid> { TypedValue = batch },
            new NpgsqlParameter<int> { TypedValue = attempt },
            new NpgsqlParameter { Value = applied is { } lsn ? lsn.ToString() : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
        },
    };

    /// <param name="statements">If a <see cref="Check"/> is among them, it may fail all of them.</param>
    public static async Task RunAsync(NpgsqlBatch statements, CancellationToken cancellation)
    {
        try
        {
            await statements.ExecuteNonQueryAsync(cancellation);
        }
        catch (PostgresException e) when (e.SqlState == AttemptOver)
        {
            throw new AttemptOverException(e.MessageText, e);
        }
    }

    /// <summary>importing → owned.</summary>
    /// <returns>False: the target does not have this attempt, or does not have its seal.</returns>
    public static async Task<bool> OwnAsync(ShardDatabase target, MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select sharding.import_own(@id, @attempt, @epoch, @floor, @Seal)",
            new
            {
                id = batch.Id,
                attempt = batch.Attempt,
                epoch = batch.Epoch!.Value.Value,
                floor = batch.VersionFloor!.Value,
                batch.Seal,
            },
            cancellationToken: cancellation));
    }

    /// <summary>Notes at the target that the rows are what the source had. This comes before the source learns of it.</summary>
    public static async Task ComparedAsync(ShardDatabase target, Guid id, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        await connection.ExecuteAsync(
            new CommandDefinition("select sharding.import_compared(@id)", new { id }, cancellationToken: cancellation));
    }

    /// <summary>Gives up the slots, if this is still the attempt that the target knows.</summary>
    public async Task<bool> CancelAsync(CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        return await session.Connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select sharding.import_cancel(@id, @attempt)", new { id = batch, attempt }, cancellationToken: cancellation));
    }

    /// <summary>Ends the import. Slots that the target does not own by it are given up.</summary>
    public static async Task FinishAsync(ShardDatabase target, Guid id, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        await connection.ExecuteAsync(
            new CommandDefinition("select sharding.import_finish(@id)", new { id }, cancellationToken: cancellation));
    }
}
