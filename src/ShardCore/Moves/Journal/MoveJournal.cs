using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// The source's journal of moves. Each call is one transaction of a function in
/// <c>migrations/shard/0005_create_move_functions.sql</c>, which compares before it sets.
/// </summary>
/// <exception cref="AttemptOverException">From every call that names an attempt: it is not the current one.</exception>
public sealed class MoveJournal(NpgsqlDataSource source)
{
    private const string NotToBeHad = "SH010";

    private readonly JournalCalls _calls = new(source);

    /// <summary>Writes planned batches down; from here on they survive their process.</summary>
    public Task AddAsync(IEnumerable<MoveBatch> batches, string by, CancellationToken cancellation) =>
        AddAsync(batches.Select(batch => (batch, 0L)), by, command: null, cancellation);

    /// <param name="batches">With the estimate of their bytes.</param>
    /// <param name="command">What was typed, for the history.</param>
    public async Task AddAsync(IEnumerable<(MoveBatch Batch, long Bytes)> batches, string by, string? command, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        foreach (var (batch, bytes) in batches)
            await connection.ExecuteAsync(new CommandDefinition(
                """
                insert into sharding.move (move_id, operation_id, ordinal, target, slots, bytes_planned, command, planned_by, started_by)
                values (@Id, @OperationId, @Ordinal, @target, @slots, @bytes, @command, @by, @by)
                """,
                new { batch.Id, batch.OperationId, batch.Ordinal, target = batch.Target.Value, slots = ToArray(batch.Slots), bytes, command, by },
                transaction, cancellationToken: cancellation));
        await transaction.CommitAsync(cancellation);
    }

    /// <returns>What is not finished, in the order of its plan.</returns>
    public async Task<IReadOnlyList<MoveBatch>> UnfinishedAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var rows = await connection.QueryAsync<JournalRow>(new CommandDefinition(
            $"select {JournalRow.Columns} from sharding.move order by created_at, ordinal", cancellationToken: cancellation));
        return [.. rows.Select(row => row.ToBatch())];
    }

    /// <returns>The same, with what is wanted of them and whether anybody works on them.</returns>
    public async Task<IReadOnlyList<JournalEntry>> EntriesAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var rows = await connection.QueryAsync<JournalEntryRow>(new CommandDefinition(
            $"""
            select {JournalRow.Columns}, wanted as Wanted, bytes_planned as BytesPlanned, extract(epoch from clock_timestamp() - seen_at)::double precision as UnseenSeconds,
                   exists ({OperationLockKey.HoldersSql("operation_id")}) as IsHeld
            from sharding.move order by created_at, ordinal
            """,
            cancellationToken: cancellation));
        return [.. rows.Select(row => row.ToEntry())];
    }

    public async Task<MoveBatch?> FindAsync(Guid id, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var row = await connection.QuerySingleOrDefaultAsync<JournalRow>(new CommandDefinition(
            $"select {JournalRow.Columns} from sharding.move where move_id = @id", new { id }, cancellationToken: cancellation));
        return row?.ToBatch();
    }

    /// <returns>The number of the attempt that begins now.</returns>
    /// <exception cref="AttemptOverException">Whoever began it before was not dead, and is past the release, or has finished it.</exception>
    public async Task<int> BeginAsync(Guid id, string by, bool force, CancellationToken cancellation)
    {
        try
        {
            return await _calls.RunAsync<int>("select sharding.move_begin(@id, @by, @force)", new { id, by, force }, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == NotToBeHad)
        {
            if (await FindAsync(id, cancellation) is { } batch && MoveDecision.MayCancel(batch.Phase))
                throw;
            throw new AttemptOverException(e.MessageText, e);
        }
    }

    /// <summary>Puts a marker into the WAL, behind all that was committed before this call.</summary>
    public Task MarkAsync(string marker, CancellationToken cancellation) =>
        _calls.RunAsync<object?>("select pg_logical_emit_message(true, 'sharding-marker', @marker)::text", new { marker }, cancellation);

    /// <summary>Waits at most <paramref name="lockTimeout"/> for the writers that are inside each slot, and twice that for all of
    /// them together: writers of the slots that are locked already wait behind us.</summary>
    /// <returns>False: they did not leave in time, nothing is frozen.</returns>
    public Task<bool> TryFreezeAsync(Guid id, int attempt, string marker, TimeSpan deadline, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant($"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; set local statement_timeout = {(int)(lockTimeout.TotalMilliseconds * 2)}; select sharding.move_freeze(@id, @attempt, @seconds, @marker)"),
        new { id, attempt, seconds = deadline.TotalSeconds, marker }, cancellation);

    /// <summary>What only the current attempt may do, and what may have to wait for a lock.</summary>
    /// <param name="sql">May name <c>@id</c> and <c>@attempt</c>, and limits its wait itself.</param>
    /// <returns>False: the lock was not to be had, nothing is done.</returns>
    internal Task<bool> TryLockedAsync(string sql, Guid id, int attempt, CancellationToken cancellation) => _calls.TryAsync(sql, new { id, attempt }, cancellation);

    /// <returns>False: the attempt is over.</returns>
    public Task<bool> UnfreezeAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_unfreeze(@id, @attempt)", new { id, attempt }, cancellation);

    /// <returns>The batch as it is then, with what the target has to know. In the same flight: nobody serves its slots until the target does.</returns>
    public Task<MoveBatch> ReleaseAsync(Guid id, int attempt, Epoch epoch, CancellationToken cancellation) =>
        ReadAfterAsync("select sharding.move_release(@id, @attempt, @epoch)", id, attempt, epoch, cancellation);

    /// <summary>Runs what <see cref="ReleaseAsync"/> runs, and releases nothing.</summary>
    internal async Task RehearseReleaseAsync(Guid id, Epoch epoch, CancellationToken cancellation)
    {
        await ReadAfterAsync("select 0::bigint", id, attempt: 0, epoch, cancellation); // for the code here
        try
        {
            await ReleaseAsync(Guid.Empty, attempt: 0, epoch, cancellation); // for the plans there
        }
        catch (AttemptOverException)
        {
            // There is no such batch.
        }
    }

    private Task<MoveBatch> ReadAfterAsync(string sql, Guid id, int attempt, Epoch epoch, CancellationToken cancellation) => _calls.AsOneAsync(
        $"{sql}; select {JournalRow.Columns} from sharding.move where move_id = @id",
        new { id, attempt, epoch = epoch.Value },
        async (connection, command) =>
        {
            await using var answers = await connection.QueryMultipleAsync(command);
            await answers.ReadAsync<long>();
            return (await answers.ReadSingleOrDefaultAsync<JournalRow>())?.ToBatch() ?? throw new AttemptOverException($"Batch {id} is not in the journal any more.");
        },
        cancellation);

    /// <summary>Whether the batch's slots are released by it, and it is not finished.</summary>
    public Task<bool> HasGivenAwayAsync(MoveBatch batch, CancellationToken cancellation) => _calls.RunAsync<bool>(
        "select count(*) = cardinality(@slots) from sharding.slot_ownership where slot = any (@slots) and move_id = @Id and state = 'released'",
        new { batch.Id, slots = ToArray(batch.Slots) }, cancellation);

    public Task<bool> AdvanceAsync(Guid id, MovePhase from, MovePhase to, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_advance(@id, @from, @to)", new { id, from = Name(from), to = Name(to) }, cancellation);

    /// <summary>Empties the source at once, if it has nothing left that counts.</summary>
    /// <returns>False: its rows have to be deleted.</returns>
    internal Task<bool> TryEmptyAsync(CancellationToken cancellation) => _calls.RunAsync<bool>("select sharding.move_empty()", new { }, cancellation);

    /// <summary>Deletes the next page of the source's rows. Not waited for on disk: the end of the batch is, and sees whether a crash in between brought rows back.</summary>
    /// <param name="before">The page before; null: none.</param>
    internal async Task<DeletedPage> CleanAsync(Guid id, int limit, DeletedPage? before, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.QuerySingleAsync<DeletedPage>(new CommandDefinition(
            $"""
            begin isolation level read committed; {JournalCalls.NotOnDisk}
            select {DeletedPage.Columns} from sharding.move_clean(@id, @limit, @Slot::smallint, @Collection, @Pk, @Key); commit
            """,
            new { id, limit, before?.Slot, before?.Collection, before?.Pk, before?.Key }, cancellationToken: cancellation));
    }

    /// <summary>Leaves a batch as it is if there are rows in the slots that it gave away: the source crashed since <see cref="CleanAsync"/>.</summary>
    public Task FinishAsync(Guid id, ShardId self, CancellationToken cancellation) =>
        _calls.RunAsync<object?>("select sharding.move_finish(@id, @self)", new { id, self = self.Value }, cancellation);

    /// <returns>False: the attempt is over, so it is not the caller's to cancel.</returns>
    public Task<bool> CancelAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_cancel(@id, @attempt)", new { id, attempt }, cancellation);

    internal static short[] ToArray(IEnumerable<Slot> slots) => [.. slots.Order().Select(slot => (short)slot.Value)];

    private static string Name(MovePhase phase) => phase.ToString().ToLowerInvariant();
}
