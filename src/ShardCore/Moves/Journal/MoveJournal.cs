using System.Data;
using Dapper;
using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Journal;

/// <summary>
/// The source's journal of moves. Each call is one transaction of a function in
/// <c>migrations/shard/0006_create_source_functions.sql</c>, which compares before it sets.
/// </summary>
/// <exception cref="AttemptOverException">Every call that names an attempt throws this if it is not the current one.</exception>
public sealed class MoveJournal(ShardDatabase source)
{
    internal const string NotToBeHad = "SH010";
    private const string Excluded = "SH014";

    private readonly JournalCalls _calls = new(source);

    /// <summary>Writes planned batches into the journal. From then on they survive their process.</summary>
    public Task AddAsync(IEnumerable<MoveBatch> batches, string by, CancellationToken cancellation) =>
        AddAsync(batches.Select(batch => (batch, 0L)), by, command: null, cancellation);

    /// <param name="batches">The batches, each with the estimate of its bytes.</param>
    /// <param name="command">The command that was typed, for the history.</param>
    /// <exception cref="MoveFailedException">A collection is being deleted.</exception>
    public Task AddAsync(IEnumerable<(MoveBatch Batch, long Bytes)> batches, string by, string? command, CancellationToken cancellation)
    {
        (MoveBatch Batch, long Bytes)[] all = [.. batches];
        return JournalCalls.WhenNotHeldAsync(() => AddOnceAsync(all, by, command, cancellation), cancellation);
    }

    /// <returns>The number of batches that were added.</returns>
    private async Task<int> AddOnceAsync(
        (MoveBatch Batch, long Bytes)[] batches, string by, string? command, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
        try
        {
            foreach (var (batch, bytes) in batches)
                await connection.ExecuteAsync(new CommandDefinition(
                    "select sharding.move_add(@Id, @OperationId, @Ordinal, @target, @slots, @bytes, @command, @by)",
                    new
                    {
                        batch.Id,
                        batch.OperationId,
                        batch.Ordinal,
                        target = batch.Target.Value,
                        slots = ToArray(batch.Slots),
                        bytes,
                        command,
                        by,
                    },
                    transaction, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == Excluded)
        {
            throw new MoveFailedException($"No slot can move now: {e.MessageText}.");
        }
        await transaction.CommitAsync(cancellation);
        return batches.Length;
    }

    /// <returns>The unfinished batches, in the order of their plan.</returns>
    public async Task<IReadOnlyList<MoveBatch>> UnfinishedAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var rows = await connection.QueryAsync<JournalRow>(new CommandDefinition(
            $"select {JournalRow.Columns} from sharding.move order by created_at, ordinal", cancellationToken: cancellation));
        return [.. rows.Select(row => row.ToBatch())];
    }

    /// <returns>The same, with what people want of them and whether a mover works on them.</returns>
    public async Task<IReadOnlyList<JournalEntry>> EntriesAsync(CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var rows = await connection.QueryAsync<JournalEntryRow>(new CommandDefinition(
            $"""
            select {JournalRow.Columns}, wanted as Wanted, bytes_planned as BytesPlanned,
                   extract(epoch from clock_timestamp() - seen_at)::double precision as UnseenSeconds,
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

    /// <param name="connection">A connection to the source. A later question on it goes to the same server.</param>
    internal static async Task<MoveBatch?> FindAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellation)
    {
        var row = await connection.QuerySingleOrDefaultAsync<JournalRow>(new CommandDefinition(
            $"select {JournalRow.Columns} from sharding.move where move_id = @id", new { id }, cancellationToken: cancellation));
        return row?.ToBatch();
    }

    /// <param name="least">The attempt has at least this number, because the target knows of the attempt before it.</param>
    /// <returns>The number of the attempt that begins now.</returns>
    /// <exception cref="AttemptOverException">
    /// The mover of the earlier attempt was not dead: it is past the release, or has finished the batch.
    /// </exception>
    public async Task<int> BeginAsync(Guid id, string by, bool force, int least, CancellationToken cancellation)
    {
        try
        {
            return await _calls.RunAsync<int>(
                "select sharding.move_begin(@id, @by, @force, @least)", new { id, by, force, least }, cancellation);
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

    /// <summary>
    /// Freezes the slots. It waits at most <paramref name="lockTimeout"/> for the writers that are inside each slot, and at most twice
    /// that for all of them together: writers of the slots that are locked already wait behind us.
    /// </summary>
    /// <returns>False: the writers did not leave in time, or hand-overs are held for a backup point. Nothing is frozen.</returns>
    public Task<bool> TryFreezeAsync(
        Guid id, int attempt, string marker, TimeSpan deadline, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant($"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; ")
            + FormattableString.Invariant($"set local statement_timeout = {(int)(lockTimeout.TotalMilliseconds * 2)}; ")
            + "select sharding.move_freeze(@id, @attempt, @seconds, @marker)",
        new { id, attempt, seconds = deadline.TotalSeconds, marker }, cancellation);

    /// <summary>Makes the publication of an attempt (see <see cref="Changes.MovePublication"/>).</summary>
    /// <param name="first">The slots as runs: the first of each, and in <paramref name="last"/> the last of each.</param>
    /// <returns>False: a lock was not available in time. Nothing was made.</returns>
    internal Task<bool> TryPublishAsync(
        Guid id, int attempt, short[] first, short[] last, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant($"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; ")
            + "select sharding.move_publish(@id, @attempt, @first, @last)",
        new { id, attempt, first, last }, cancellation);

    /// <summary>Whether hand-overs from this source are held for a backup point at this moment.</summary>
    internal Task<bool> HandOversAreHeldAsync(CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.hand_overs_are_held()", new { }, cancellation);

    /// <returns>False: the attempt is over.</returns>
    public Task<bool> UnfreezeAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_unfreeze(@id, @attempt)", new { id, attempt }, cancellation);

    /// <param name="seal">The seal that the target wrote behind the last of the rows.</param>
    /// <returns>
    /// The batch as it is after the release, with what the target has to know, and how far the standbys of the source are. Both come in
    /// one round trip, because nobody serves the slots until the target does.
    /// </returns>
    public Task<(MoveBatch Batch, StandbyReading Standbys)> ReleaseAsync(
        Guid id, int attempt, Epoch epoch, byte[] seal, CancellationToken cancellation) =>
        ReadAfterAsync("select sharding.move_release(@id, @attempt, @epoch, @seal)", id, attempt, epoch, seal, cancellation);

    /// <summary>
    /// For a source that lost its release, while the target owns the slots by this batch: the source releases them again, at the target's
    /// epoch. It waits at most <paramref name="lockTimeout"/> for the writers that are inside a slot.
    /// </summary>
    /// <param name="attempt">The attempt by which the target owns the slots.</param>
    /// <param name="epoch">Of the release by which the target owns them.</param>
    /// <param name="floor">The version floor of that release.</param>
    /// <returns>False: the writers did not leave in time, and nothing is done.</returns>
    public Task<bool> TryFollowAsync(
        Guid id, int attempt, Epoch epoch, long floor, TimeSpan lockTimeout, CancellationToken cancellation) => _calls.TryAsync(
        FormattableString.Invariant(
            $"set local lock_timeout = {(int)lockTimeout.TotalMilliseconds}; select sharding.move_follow(@id, @attempt, @epoch, @floor)"),
        new { id, attempt, epoch = epoch.Value, floor }, cancellation);

    /// <summary>Marks the batch as disputed: from now on only a person can let it go on, by saying which copy is right.</summary>
    /// <param name="batch">The batch as it was when the dispute was found.</param>
    /// <returns>False: somebody else has gone on with the batch since, so nothing is done.</returns>
    public Task<bool> DisputeAsync(MoveBatch batch, string why, CancellationToken cancellation) =>
        _calls.RunAsync<bool>(
            "select sharding.move_dispute(@Id, @phase, @why)", new { batch.Id, phase = Name(batch.Phase), why }, cancellation);

    /// <summary>Settles the dispute: a person said that the target's copy is right.</summary>
    /// <returns>False: the batch is not disputed.</returns>
    internal Task<bool> SettleAsync(Guid id, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_settle(@id)", new { id }, cancellation);

    /// <summary>
    /// Settles the dispute: a person said that the source's copy is right. The target cannot become the owner any more, and the source
    /// owns the slots again.
    /// </summary>
    /// <param name="epoch">It is above every epoch that the target had.</param>
    /// <param name="floor">The source's next versions are above it.</param>
    /// <returns>False: the batch is not disputed.</returns>
    internal Task<bool> TakeBackAsync(Guid id, Epoch epoch, long floor, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_take_back(@id, @epoch, @floor)", new { id, epoch = epoch.Value, floor }, cancellation);

    /// <summary>
    /// Whether the source has rows in the batch's slots that are newer than its release. If so, somebody wrote there after the target
    /// became the owner.
    /// </summary>
    public async Task<bool> HasNewerRowsAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from sharding.item where slot = any (@slots) and version > @VersionFloor)",
            new { slots = ToArray(batch.Slots), batch.VersionFloor }, commandTimeout: 0, cancellationToken: cancellation));
    }

    /// <summary>Runs the same code and SQL as <see cref="ReleaseAsync"/>, but releases nothing.</summary>
    internal async Task RehearseReleaseAsync(Guid id, Epoch epoch, CancellationToken cancellation)
    {
        await ReadAfterAsync("select 0::bigint", id, attempt: 0, epoch, seal: [], cancellation); // prepares the code of this process
        try
        {
            await ReleaseAsync(Guid.Empty, attempt: 0, epoch, seal: [], cancellation); // prepares the plans of the session
        }
        catch (AttemptOverException)
        {
            // There is no such batch.
        }
    }

    private Task<(MoveBatch Batch, StandbyReading Standbys)> ReadAfterAsync(
        string sql, Guid id, int attempt, Epoch epoch, byte[] seal, CancellationToken cancellation) => _calls.AsOneAsync(
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

    /// <summary>Whether the batch's slots are released by this batch, and the batch is not finished.</summary>
    public Task<bool> HasGivenAwayAsync(MoveBatch batch, CancellationToken cancellation) => _calls.RunAsync<bool>(
        """
        select count(*) = cardinality(@slots) from sharding.slot_ownership
        where slot = any (@slots) and move_id = @Id and state = 'released'
        """,
        new { batch.Id, slots = ToArray(batch.Slots) }, cancellation);

    /// <param name="batch">The batch as it was when the work was done that the new phase stands for.</param>
    /// <returns>False: somebody else has gone on with the batch since, so nothing is done.</returns>
    public Task<bool> AdvanceAsync(MoveBatch batch, MovePhase to, CancellationToken cancellation) =>
        _calls.RunAsync<bool>(
            "select sharding.move_advance(@Id, @from, @to, @Seal)",
            new { batch.Id, from = Name(batch.Phase), to = Name(to), batch.Seal }, cancellation);

    /// <summary>Truncates the table at the source, if the source has nothing left that counts.</summary>
    /// <returns>False: the rows have to be deleted by pages.</returns>
    internal Task<bool> TryEmptyAsync(CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_empty()", new { }, cancellation);

    /// <summary>
    /// Deletes the next page of the source's rows. The commit does not wait for the disk. The commit of the batch's end does, and that
    /// transaction sees whether a crash in between brought rows back.
    /// </summary>
    /// <param name="before">The previous page; null: none.</param>
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

    /// <summary>
    /// Ends the batch. If there are rows in the slots that it gave away, the batch stays as it is: the source crashed since
    /// <see cref="CleanAsync"/>.
    /// </summary>
    public Task FinishAsync(Guid id, CancellationToken cancellation) =>
        _calls.RunAsync<object?>("select sharding.move_finish(@id)", new { id }, cancellation);

    /// <summary>Gives up a batch that was not released and cannot begin.</summary>
    /// <returns>False: the batch is past its release, or gone.</returns>
    internal Task<bool> DropAsync(Guid id, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_drop(@id)", new { id }, cancellation);

    /// <returns>False: the attempt is over, so the caller must not cancel the batch.</returns>
    public Task<bool> CancelAsync(Guid id, int attempt, CancellationToken cancellation) =>
        _calls.RunAsync<bool>("select sharding.move_cancel(@id, @attempt)", new { id, attempt }, cancellation);

    internal static short[] ToArray(IEnumerable<Slot> slots) => [.. slots.Order().Select(slot => (short)slot.Value)];

    private static string Name(MovePhase phase) => phase.ToString().ToLowerInvariant();
}
