using Dapper;
using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Settling;

/// <summary>Ends a dispute, after a person has said which copy of a batch's slots is right. The other copy is deleted.</summary>
/// <remarks>
/// <para>
/// If the target's copy is right: 1 the target owns the slots, with the rows that it has, if it does not own them already; 2 the journal
/// is settled, and the batch goes on without a comparison. The mover does the rest. After 1 alone the batch is still disputed, and the
/// same call goes on from there.
/// </para>
/// <para>
/// If the source's copy is right: 1 the target stops serving and forgets the seal, under its own new attempt, so that nobody can make it
/// the owner; 2 the source owns the slots again, above every epoch and version of the target; 3 the target's rows are deleted, and its
/// import ends. 2 must never come before 1, because two shards would then take writes. Between 1 and 2 no shard does. After 1 alone the
/// batch is still disputed, and the same call goes on from there. After 2 alone an import is left that no journal has: <c>doctor</c>
/// reports it, and <c>add-shard</c> of the target ends it.
/// </para>
/// </remarks>
public sealed class BatchSettlement(Shard source, Shard target, ShardAccess access, RingPublication ring, MoveOptions options)
{
    private const int MaxTries = 100;
    private const string SameCommand = "Run the same command again to go on.";

    private static readonly TimeSpan TryPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Reads what each side has, and changes nothing.</summary>
    public async Task<SettlementView> LookAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var ends = Ends();
        return await TwoCopies.CompareAsync(
            ends.From, ends.To, batch.Slots, await ImportWord.AskAsync(ends.To, batch.Id, cancellation), cancellation);
    }

    /// <returns>False: the batch is not disputed any more.</returns>
    /// <exception cref="MoveFailedException">A slot has gone on since.</exception>
    public async Task<bool> KeepTargetAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (word.State is not (ImportState.Owned or ImportState.Passed)) // slots that went on from the target belong to another shard
            await CallTargetAsync<object?>(
                ends.To, "select sharding.import_keep(@Id, @attempt, @source, @slots, @epoch, @floor)",
                new
                {
                    batch.Id,
                    attempt = Math.Max(word.Attempt, batch.Attempt),
                    source = source.Id.Value,
                    slots = MoveJournal.ToArray(batch.Slots),
                    epoch = batch.Epoch!.Value.Value,
                    floor = batch.VersionFloor!.Value,
                },
                cancellation);
        return await new MoveJournal(ends.From).SettleAsync(batch.Id, cancellation);
    }

    /// <returns>False: the batch is not disputed any more.</returns>
    /// <exception cref="MoveFailedException">A slot has gone on since.</exception>
    /// <exception cref="StandbysBehindException" />
    public async Task<bool> KeepSourceAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var journal = new MoveJournal(ends.From);
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        var epoch = Later(await ring.NextEpochAsync(cancellation), word.Epoch, batch.Epoch);
        var attempt = Math.Max(word.Attempt, batch.Attempt) + 1;
        var floor = await CallTargetAsync<long>(
            ends.To,
            FormattableString.Invariant($"set local lock_timeout = {(int)options.LockTimeout.TotalMilliseconds}; ")
                + "select sharding.import_give_back(@Id, @attempt, @source, @slots, @epoch)",
            new { batch.Id, attempt, source = source.Id.Value, slots = MoveJournal.ToArray(batch.Slots), epoch = epoch.Value },
            cancellation);
        await RequireStoppedAsync(ends, batch, attempt, cancellation);
        if (!await journal.TakeBackAsync(batch.Id, epoch, floor, cancellation))
            return false;
        await ring.PublishBackAsync(batch, source.Id, cancellation);
        await RequireFlushedAsync(source, ends.From, cancellation); // before the target's rows go
        await MovePublication.DropAsync(ends.From, batch.Id, attempt, cancellation);
        var import = new MoveImport(ends.Lasting(batch.Id, attempt + 1), batch.Id, batch.Slots, attempt + 1);
        await import.BeginAsync(source.Id, epoch, cancellation);
        await import.CancelAsync(cancellation);
        return true;
    }

    /// <summary>
    /// Checks that the target cannot become the owner any more, and that its standbys know that. Both are asked in one session, because a
    /// new connection may lead to a standby that took over meanwhile.
    /// </summary>
    private async Task RequireStoppedAsync(MoveEnds ends, MoveBatch batch, int attempt, CancellationToken cancellation)
    {
        await using var connection = await ends.To.OpenAsync(cancellation);
        if (await ImportWord.AskAsync(connection, batch.Id, cancellation) is not { State: ImportState.Importing } word
            || word.Attempt != attempt)
            throw new MoveFailedException(
                $"{target.Id} does not know any more that it gave the slots back: it lost commits. {SameCommand}");
        await LevelStandbys.RequireAsync(connection, target.Id, SameCommand, options, cancellation);
    }

    /// <summary>
    /// Waits for the standbys, as a move does. If a standby that does not know the step took over, the slots would have two owners or
    /// none.
    /// </summary>
    /// <exception cref="StandbysBehindException" />
    private Task RequireFlushedAsync(Shard shard, ShardDatabase at, CancellationToken cancellation) =>
        LevelStandbys.RequireAsync(at, shard.Id, SameCommand, options, cancellation);

    private MoveEnds Ends() => new(source, target, access, new MovePipeline(), options.StepLimit);

    private static Epoch Later(Epoch next, params ReadOnlySpan<Epoch?> known)
    {
        foreach (var other in known)
            if (other is { } epoch && epoch >= next)
                next = epoch.Next();
        return next;
    }

    /// <summary>Calls the target, and tries again while writers are inside the slots.</summary>
    private static async Task<T> CallTargetAsync<T>(ShardDatabase to, string sql, object parameters, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
            try
            {
                return await new JournalCalls(to).RunAsync<T>(sql, parameters, cancellation);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected
                && tries < MaxTries)
            {
                await Task.Delay(TryPause, cancellation);
            }
            catch (PostgresException e) when (e.SqlState is "SH012" or PostgresErrorCodes.LockNotAvailable)
            {
                throw new MoveFailedException($"The target refused or was too busy: {e.MessageText}.");
            }
    }
}
