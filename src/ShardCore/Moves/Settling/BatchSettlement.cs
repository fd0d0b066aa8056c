using Dapper;
using Npgsql;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Settling;

/// <summary>Ends a dispute: a person has said which copy of a batch's slots is right. The other copy is deleted.</summary>
/// <remarks>
/// <para>The target's is right: 1 it owns the slots, if it does not already, whatever it has of them; 2 the journal is settled, and the
/// batch goes on without a comparison.
/// The mover does the rest. After 1 alone the batch is still disputed, and the same call goes on.</para>
/// <para>The source's is right: 1 the target stops serving and forgets the seal, under an attempt of its own, so that nobody can make
/// it the owner; 2 the source owns the
/// slots again, above every epoch and version of the target; 3 the target's rows are deleted, and its import ends. Never 2 before 1:
/// two shards would take writes. Between
/// them nobody does. After 1 alone the batch is still disputed, and the same call goes on. After 2 alone an import is left that no
/// journal has: <c>doctor</c> tells,
/// and <c>add-shard</c> of the target ends it.</para>
/// </remarks>
public sealed class BatchSettlement(Shard source, Shard target, ShardAccess access, RingPublication ring, MoveOptions options)
{
    private const int MaxTries = 100;
    private const string SameCommand = "The same command goes on.";

    private static readonly TimeSpan TryPause = TimeSpan.FromMilliseconds(100);

    /// <summary>What each side has. Changes nothing.</summary>
    public async Task<SettlementView> LookAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var ends = Ends();
        return await TwoCopies.CompareAsync(ends.From, ends.To, batch.Slots, await ImportWord.AskAsync(ends.To, batch.Id, cancellation), cancellation);
    }

    /// <returns>False: it is not disputed any more.</returns>
    /// <exception cref="MoveFailedException">A slot has gone on since.</exception>
    public async Task<bool> KeepTargetAsync(MoveBatch batch, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (word.State is not (ImportState.Owned or ImportState.Passed)) // slots that went on from it are another shard's
            await CallTargetAsync<object?>(
                ends.To, "select sharding.import_keep(@Id, @attempt, @source, @slots, @epoch, @floor)",
                new { batch.Id, attempt = Math.Max(word.Attempt, batch.Attempt), source = source.Id.Value, slots = MoveJournal.ToArray(batch.Slots), epoch = batch.Epoch!.Value.Value, floor = batch.VersionFloor!.Value }, cancellation);
        return await new MoveJournal(ends.From).SettleAsync(batch.Id, cancellation);
    }

    /// <returns>False: it is not disputed any more.</returns>
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
            ends.To, FormattableString.Invariant($"set local lock_timeout = {(int)options.LockTimeout.TotalMilliseconds}; select sharding.import_give_back(@Id, @attempt, @source, @slots, @epoch)"),
            new { batch.Id, attempt, source = source.Id.Value, slots = MoveJournal.ToArray(batch.Slots), epoch = epoch.Value }, cancellation);
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
    /// The target cannot come to own any more, and its standbys know that. In one session: a connection made anew may be to a standby
    /// that took over meanwhile.
    /// </summary>
    private async Task RequireStoppedAsync(MoveEnds ends, MoveBatch batch, int attempt, CancellationToken cancellation)
    {
        await using var connection = await ends.To.OpenAsync(cancellation);
        if (await ImportWord.AskAsync(connection, batch.Id, cancellation) is not { State: ImportState.Importing } word || word.Attempt != attempt)
            throw new MoveFailedException($"{target.Id} does not know any more that it gave the slots back: it lost commits. The same command goes on.");
        await LevelStandbys.RequireAsync(connection, target.Id, SameCommand, options, cancellation);
    }

    /// <summary>As in a move: a step that a standby which takes over does not know would give the slots two owners, or none.</summary>
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

    /// <summary>Tried again while writers are inside the slots.</summary>
    private static async Task<T> CallTargetAsync<T>(ShardDatabase to, string sql, object parameters, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
            try
            {
                return await new JournalCalls(to).RunAsync<T>(sql, parameters, cancellation);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected && tries < MaxTries)
            {
                await Task.Delay(TryPause, cancellation);
            }
            catch (PostgresException e) when (e.SqlState is "SH012" or PostgresErrorCodes.LockNotAvailable)
            {
                throw new MoveFailedException($"The target did not do it: {e.MessageText}.");
            }
    }
}
