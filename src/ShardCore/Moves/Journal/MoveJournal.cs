using System.Data;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// The source's journal of moves. Each call is one transaction of a function in
/// <c>migrations/shard/0006_create_source_functions.sql</c>, which compares before it sets.
/// </summary>
/// <exception cref="AttemptOverException">From every call that names an attempt: it is not the current one.</exception>
public sealed class MoveJournal(ShardDatabase source)
{
    internal const string NotToBeHad = "SH010";
    private const string Excluded = "SH014";

    private readonly JournalCalls _calls = new(source);

    /// <summary>Writes planned batches down; from here on they survive their process.</summary>
    public Task AddAsync(IEnumerable<MoveBatch> batches, string by, CancellationToken cancellation) =>
        AddAsync(batches.Select(batch => (batch, 0L)), by, command: null, cancellation);

    /// <param name="batches">With the estimate of their bytes.</param>
    /// <param name="command">What was typed, for the history.</param>
    /// <exception cref="MoveFailedException">A collection is being deleted.</exception>
    public Task AddAsync(IEnumerable<(MoveBatch Batch, long Bytes)> batches, string by, string? command, CancellationToken cancellation)
    {
        (MoveBatch Batch, long Bytes)[] all = [.. batches];
        return JournalCalls.WhenNotHeldAsync(() => AddOnceAsync(all, by, command, cancellation), cancellation);
    }

    /// <returns>How many were added.</returns>
    private async Task<int> AddOnceAsync((MoveBatch Batch, long Bytes)[] batches, string by, string? command, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
        try
        {
            foreach (var (batch, bytes) in batches)
                await connection.ExecuteAsync(new CommandDefinition(
                    "select sharding.move_add(@Id, @OperationId, @Ordinal, @target, @slots, @bytes, @command, @by)",
                    new { batch.Id, batch.OperationId, batch.Ordinal, target = batch.Target.Value, slots = ToArray(batch.Slots), bytes, command, by },
                    transaction, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == Excluded)
        {
            throw new MoveFailedException($"No slot can move now: {e.MessageText}.");
        }
        await transaction.CommitAsync(cancellation);
        return batches.Length;
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
        return await FindAsync(connection, id, cancellation);
    }

    /// <param name="connection">To the source: what is asked on it afterwards is asked of the same server.</param>
    internal static async Task<MoveBatch?> FindAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellation)
    {
        var row = await connection.QuerySingleOrDefaultAsync<JournalRow>(new CommandDefinition(
            $"select {JournalRow.Columns} from sharding.move where move_id = @id", new { id }, cancellationToken: cancellation));
        return row?.ToBatch();
    }

    /// <param name="least">The attempt has at least this number: the target knows of the one before.</param>
    /// <returns>The number of the attempt that begins now.</returns>
    /// <exception cref="AttemptOverException">Whoever began it before was not dead, and is past the release, or has finished it.</exception>
    public async Task<int> BeginAsync(Guid id, string by, bool force, int least, CancellationToken cancellation)
    {
        try
        {
            return await _calls.RunAsync<int>("select sharding.move_begin(@id, @by, @force, @least)", new { id, by, force, least }, cancellation);
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
    /// <returns>False: they did not leave in time, or hand-overs are held for a backup point; nothing is frozen.</returns>
    public Task<bool> TryFreezeAsync(Guid id, int attempt, string marker, TimeSpan deadline, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant($"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; set local statement_timeout = {(int)(lockTimeout.TotalMilliseconds * 2)}; select sharding.move_freeze(@id, @attempt, @seconds, @marker)"),
        new { id, attempt, seconds = deadline.TotalSeconds, marker }, cancellation);

    /// <summary>What only the current attempt may do, and what may have to wait for a lock.</summary>
    /// <param name="sql">May name <c>@id</c> and <c>@attempt</c>, and limits its wait itself.</param>
    /// <returns>False: the lock was not to be had, nothing is done.</returns>
    internal Task<bool> TryLockedAsync(string sql, Guid id, int attempt, CancellationToken cancellation) => _calls.TryAsync(sql, new { id, attempt }, cancellation);

    /// <summary>Whether hand-overs from this source are held for a backup point just now.</summary>
    internal Task<bool> HandOversAreHeldAsync(CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.hand_overs_are_held()", new { }, cancellation);

    /// <returns>False: the attempt is over.</returns>
    public Task<bool> UnfreezeAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_unfreeze(@id, @attempt)", new { id, attempt }, cancellation);

    /// <param name="seal">What the target has of the last of the rows.</param>
    /// <returns>
    /// The batch as it is then, with what the target has to know, and where the standbys of the source are. In the same flight: nobody
    /// serves its slots until the target does.
    /// </returns>
    public Task<(MoveBatch Batch, StandbyReading Standbys)> ReleaseAsync(Guid id, int attempt, Epoch epoch, byte[] seal, CancellationToken cancellation) =>
        ReadAfterAsync("select sharding.move_release(@id, @attempt, @epoch, @seal)", id, attempt, epoch, seal, cancellation);

    /// <summary>
    /// The target owns the slots by this batch, and the source lost its release: it releases them again, at the target's epoch. Waits
    /// at most
    /// <paramref name="lockTimeout"/> for the writers that are inside a slot.
    /// </summary>
    /// <returns>False: they did not leave in time, nothing is done.</returns>
    public Task<bool> TryFollowAsync(Guid id, ImportWord word, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant($"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; select sharding.move_follow(@id, @Attempt, @epoch, @floor)"),
        new { id, word.Attempt, epoch = word.Epoch!.Value.Value, floor = word.VersionFloor!.Value }, cancellation);

    /// <summary>From now on nobody goes on with the batch but a person who says which copy is right.</summary>
    /// <param name="batch">As it was when that was found.</param>
    /// <returns>False: somebody else has gone on with it since, so nothing is done.</returns>
    public Task<bool> DisputeAsync(MoveBatch batch, string why, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_dispute(@Id, @phase, @why)", new { batch.Id, phase = Name(batch.Phase), why }, cancellation);

    /// <summary>A person said that the target's copy is right.</summary>
    /// <returns>False: it is not disputed.</returns>
    internal Task<bool> SettleAsync(Guid id, CancellationToken cancellation) => _calls.RunAsync<bool>("select sharding.move_settle(@id)", new { id }, cancellation);

    /// <summary>A person said that the source's copy is right, and the target cannot come to own any more: the source owns again.</summary>
    /// <param name="epoch">Above every one that the target had.</param>
    /// <param name="floor">The source's versions are above it.</param>
    /// <returns>False: it is not disputed.</returns>
    internal Task<bool> TakeBackAsync(Guid id, Epoch epoch, long floor, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_take_back(@id, @epoch, @floor)", new { id, epoch = epoch.Value, floor }, cancellation);

    /// <summary>
    /// Whether the source has rows in the batch's slots that are newer than its release: somebody wrote there after the target came to
    /// own them.
    /// </summary>
    public async Task<bool> HasNewerRowsAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from sharding.item where slot = any (@slots) and version > @VersionFloor)",
            new { slots = ToArray(batch.Slots), batch.VersionFloor }, commandTimeout: 0, cancellationToken: cancellation));
    }

    /// <summary>Runs what <see cref="ReleaseAsync"/> runs, and releases nothing.</summary>
    internal async Task RehearseReleaseAsync(Guid id, Epoch epoch, CancellationToken cancellation)
    {
        await ReadAfterAsync("select 0::bigint", id, attempt: 0, epoch, seal: [], cancellation); // for the code here
        try
        {
            await ReleaseAsync(Guid.Empty, attempt: 0, epoch, seal: [], cancellation); // for the plans there
        }
        catch (AttemptOverException)
        {
            // There is no such batch.
        }
    }

    private Task<(MoveBatch Batch, StandbyReading Standbys)> ReadAfterAsync(string sql, Guid id, int attempt, Epoch epoch, byte[] seal, CancellationToken cancellation) => _calls.AsOneAsync(
        $"{sql}; select {JournalRow.Columns} from sharding.move where move_id = @id",
        new { id, attempt, epoch = epoch.Value, seal },
        async (connection, command) =>
        {
            await using var answers = await connection.QueryMultipleAsync(command);
            await answers.ReadAsync<long>();
            var row = await answers.ReadSingleOrDefaultAsync<JournalRow>();
            var standbys = await answers.ReadSingleAsync<StandbyReading>();
            return (row?.ToBatch() ?? throw new AttemptOverException($"Batch {id} is not in the journal any more."), standbys);
        },
        cancellation,
        afterwards: StandbyFlush.NowSql);

    /// <summary>Whether the batch's slots are released by it, and it is not finished.</summary>
    public Task<bool> HasGivenAwayAsync(MoveBatch batch, CancellationToken cancellation) => _calls.RunAsync<bool>(
        "select count(*) = cardinality(@slots) from sharding.slot_ownership where slot = any (@slots) and move_id = @Id and state = 'released'",
        new { batch.Id, slots = ToArray(batch.Slots) }, cancellation);

    /// <param name="batch">As it was when that was done which the new phase says.</param>
    /// <returns>False: somebody else has gone on with it since, so nothing is done.</returns>
    public Task<bool> AdvanceAsync(MoveBatch batch, MovePhase to, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_advance(@Id, @from, @to, @Seal)", new { batch.Id, from = Name(batch.Phase), to = Name(to), batch.Seal }, cancellation);

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
    public Task FinishAsync(Guid id, CancellationToken cancellation) =>
        _calls.RunAsync<object?>("select sharding.move_finish(@id)", new { id }, cancellation);

    /// <summary>Gives up a batch that was not released and cannot begin.</summary>
    /// <returns>False: it is past its release, or gone.</returns>
    internal Task<bool> DropAsync(Guid id, CancellationToken cancellation) => _calls.RunAsync<bool>("select sharding.move_drop(@id)", new { id }, cancellation);

    /// <returns>False: the attempt is over, so it is not the caller's to cancel.</returns>
    public Task<bool> CancelAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_cancel(@id, @attempt)", new { id, attempt }, cancellation);

    internal static short[] ToArray(IEnumerable<Slot> slots) => [.. slots.Order().Select(slot => (short)slot.Value)];

    private static string Name(MovePhase phase) => phase.ToString().ToLowerInvariant();
}
