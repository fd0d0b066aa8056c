using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Changes;

/// <summary>The source's publication of one attempt: the changes to its slots, without truncations, which ignore the filter.</summary>
internal static class MovePublication
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Made only by the current attempt: one that slept through a takeover would leave it behind.</summary>
    /// <remarks>
    /// It needs a lock on the table that a VACUUM or a CREATE INDEX CONCURRENTLY may have for long. The journal's row is held only for a short try, so that
    /// the batch can be reported on, paused and cancelled between two.
    /// </remarks>
    /// <returns>Its name, which the replication slot has too.</returns>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException">The lock was not to be had within the limit.</exception>
    public static async Task<string> CreateAsync(ShardDatabase source, MoveBatch batch, int attempt, TimeSpan limit, CancellationToken cancellation)
    {
        var name = FormattableString.Invariant($"{Prefix(batch.Id)}{attempt}");
        var sql = FormattableString.Invariant($"""
            set local lock_timeout = {(int)LockTimeout.TotalMilliseconds}; select sharding.move_require(@id, @attempt);
            create publication {name} for table sharding.item where ({RowFilter(batch.Slots)}) with (publish = 'insert, update, delete')
            """);
        var journal = new MoveJournal(source);
        for (var clock = Stopwatch.StartNew(); !await journal.TryLockedAsync(sql, batch.Id, attempt, cancellation); await Task.Delay(Pause, cancellation))
            if (clock.Elapsed > limit)
                throw new MoveFailedException($"Batch {batch.Id}: a publication could not be made within {limit}, as something has a lock on sharding.item: 'select * from pg_locks where relation = 'sharding.item'::regclass' at the source names it.");
        return name;
    }

    /// <summary>
    /// Those of this attempt and of earlier ones. Never of a later one: a mover that slept through a takeover would take
    /// it from under the stream that runs, and a Postgres that only warns of a missing publication (18) leaves its changes out.
    /// </summary>
    public static async Task DropAsync(ShardDatabase source, Guid batchId, int attempt, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var names = await connection.QueryAsync<string>(new CommandDefinition(
            "select pubname from pg_publication where case when starts_with(pubname, @prefix) then substr(pubname, length(@prefix) + 1)::integer <= @attempt end",
            new { prefix = Prefix(batchId), attempt }, cancellationToken: cancellation));
        foreach (var name in names)
            await connection.ExecuteAsync(new CommandDefinition($"drop publication if exists {name}", cancellationToken: cancellation));
    }

    /// <summary>
    /// By runs: the source looks at it for every change of every slot, those of other batches included, and goes through a
    /// list from its beginning.
    /// </summary>
    internal static string RowFilter(IEnumerable<Slot> slots)
    {
        var runs = SlotRuns.Of(slots.Order().Select(slot => (int)slot.Value)).ToLookup(run => run.First == run.Last);
        var single = string.Join(',', runs[true].Select(run => run.First));
        return string.Join(" or ", [
            .. runs[false].Select(run => FormattableString.Invariant($"slot between {run.First}::smallint and {run.Last}::smallint")),
            .. (string[])(single.Length > 0 ? [$"slot in ({single})"] : []),
        ]);
    }

    private static string Prefix(Guid batchId) => $"sharding_move_{batchId:N}_";
}
