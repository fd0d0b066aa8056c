using Dapper;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>The target's side of one attempt at a batch: what it brings in counts only while the attempt is the current one.</summary>
/// <param name="slots">All of the batch.</param>
/// <exception cref="AttemptOverException">From every call: it is not.</exception>
internal sealed class MoveImport(AttemptSessions target, Guid batch, IReadOnlyCollection<Slot> slots, int attempt)
{
    private const string NotToBeHad = "SH010";
    private const string AttemptOver = "SH011";
    private const int PurgeBatch = 5000;
    private const string LeftSql = "select exists (select from unnest(@slots) asked (slot) cross join lateral (select from sharding.item i where i.slot = asked.slot limit 1) found)";

    /// <summary>
    /// Takes the slots in, removes whatever stands in them and looks that nothing does. Backends of earlier attempts are ended first: one that
    /// sleeps within its commit would hold the import's row and keep us waiting. Never those of later ones.
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
            new { move = NameOf(batch), attempt }, cancellationToken: cancellation));
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "select sharding.import_begin(@id, @attempt, @source, @slots, @epoch)",
                new { id = batch, attempt, source = source.Value, slots = MoveJournal.ToArray(slots), epoch = epoch.Value }, cancellationToken: cancellation));
            DeletedPage? page = null;
            do
                page = await connection.QuerySingleAsync<DeletedPage>(new CommandDefinition(
                    $"select {DeletedPage.Columns} from sharding.import_purge(@id, @attempt, @limit, @Slot::smallint, @Collection, @Pk, @Key)",
                    new { id = batch, attempt, limit = PurgeBatch, page?.Slot, page?.Collection, page?.Pk, page?.Key }, cancellationToken: cancellation));
            while (page.Slot is not null);
            if (await connection.ExecuteScalarAsync<bool>(new CommandDefinition(LeftSql, new { slots = MoveJournal.ToArray(slots) }, cancellationToken: cancellation)))
                throw new MoveFailedException($"Batch {batch}: rows are left in its slots at the target though they were purged; somebody else brings some there.");
        }
        catch (PostgresException e) when (e.SqlState == AttemptOver)
        {
            throw new AttemptOverException(e.MessageText, e);
        }
        catch (PostgresException e) when (e.SqlState == NotToBeHad)
        {
            throw new MoveFailedException($"The target does not take the slots in: {e.MessageText}.");
        }
    }

    /// <summary>The last statement of a transaction that brings rows (see <c>sharding.import_check</c>).</summary>
    public async Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var statements = new NpgsqlBatch(connection) { BatchCommands = { Check(applied: null) } };
        await RunAsync(statements, cancellation);
    }

    /// <summary>All rows are there: the last transaction before the release, and where the standbys are behind it, in one flight.</summary>
    public async Task<StandbyReading> SealAsync(NpgsqlConnection connection, byte[] seal, CancellationToken cancellation)
    {
        await using var statements = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("begin isolation level read committed"),
                new NpgsqlBatchCommand("select sharding.import_seal($1, $2, $3)")
                {
                    Parameters = { new NpgsqlParameter<Guid> { TypedValue = batch }, new NpgsqlParameter<int> { TypedValue = attempt }, new NpgsqlParameter<byte[]> { TypedValue = seal } },
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

    /// <summary>The same, as one of several that go in one flight.</summary>
    /// <param name="applied">Behind the changes that come with it; null: it stays as it is.</param>
    public NpgsqlBatchCommand Check(NpgsqlLogSequenceNumber? applied) => new("select sharding.import_check($1, $2, $3::text::pg_lsn)")
    {
        Parameters =
        {
            new NpgsqlParameter<Guid> { TypedValue = batch },
            new NpgsqlParameter<int> { TypedValue = attempt },
            new NpgsqlParameter { Value = applied is { } lsn ? lsn.ToString() : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
        },
    };

    /// <param name="statements">If there is a <see cref="Check"/> among them, it may end them all.</param>
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
    /// <returns>False: the target does not have this attempt, or not its seal.</returns>
    public static async Task<bool> OwnAsync(ShardDatabase target, MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select sharding.import_own(@id, @attempt, @epoch, @floor, @Seal)",
            new { id = batch.Id, attempt = batch.Attempt, epoch = batch.Epoch!.Value.Value, floor = batch.VersionFloor!.Value, batch.Seal }, cancellationToken: cancellation));
    }

    /// <summary>What was brought is what the source had. Before the source hears of it.</summary>
    public static async Task ComparedAsync(ShardDatabase target, Guid id, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition("select sharding.import_compared(@id)", new { id }, cancellationToken: cancellation));
    }

    /// <summary>Gives the slots up again, if this is still the attempt that the target knows.</summary>
    public async Task<bool> CancelAsync(CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        return await session.Connection.ExecuteScalarAsync<bool>(new CommandDefinition("select sharding.import_cancel(@id, @attempt)", new { id = batch, attempt }, cancellationToken: cancellation));
    }

    /// <summary>Forgets the import; slots that it had not come to own are given up.</summary>
    public static async Task FinishAsync(ShardDatabase target, Guid id, CancellationToken cancellation)
    {
        await using var connection = await target.OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition("select sharding.import_finish(@id)", new { id }, cancellationToken: cancellation));
    }

    /// <summary>The application name of a move's connections, at most 63 characters, so that its backends can be told.</summary>
    public static string NameOf(Guid id, int attempt) => FormattableString.Invariant($"{NameOf(id)}/{attempt}");

    private static string NameOf(Guid id) => $"move {id:N}";
}
