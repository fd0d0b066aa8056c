using Dapper;
using Npgsql;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Backups;

/// <summary>Waits, while new hand-overs are held, until the hand-overs that had begun before are over.</summary>
internal sealed class HandOversAtRest(HandOverHold hold)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Ends freezes whose deadline has passed, because their mover may be gone. A write that meets such a freeze does the same.
    /// </summary>
    private const string ThawSql =
        "select count(*) filter (where sharding.thaw_if_expired(slots[1])) from sharding.move where phase = 'frozen' and frozen_until < "
            + "clock_timestamp()";

    private const string BetweenSql =
        "select operation_id as Operation, phase as Phase, disputed as Disputed from sharding.move where phase in ('frozen', 'released') "
            + "order by created_at, ordinal";

    /// <returns>The slots of each shard. Every slot has exactly one owner, and keeps it until the hold ends.</returns>
    /// <exception cref="CommandFailedException">A hand-over did not end in time, or cannot end.</exception>
    public async Task<IReadOnlyDictionary<ShardId, IReadOnlyList<OwnershipRun>>> AwaitAsync(CancellationToken cancellation)
    {
        for (var enough = hold.Left / 3; ; await Task.Delay(Pause, cancellation)) // a third is left for the restore points
        {
            await hold.EachAsync(held => held.AskAsync<long>(ThawSql, [], cancellation));
            var between = (
                await hold.EachAsync(held => held.AskAsync(connection => ReadBetweenAsync(connection, cancellation), cancellation)))
                .SelectMany(each => each.Value.Select(batch => (Source: each.Key, Batch: batch))).ToArray();
            var unsettled = between.FirstOrDefault(each => each.Batch.Disputed is not null);
            if (unsettled.Batch is { } disputed)
                throw new CommandFailedException(
                    ExitCode.Precondition, $"No shard owns the slots of a disputed batch of {unsettled.Source}: {disputed.Disputed}",
                    $"shardadmin ops settle {disputed.Operation}; then the same command again");
            OwnershipMap? map = null;
            if (between.Length == 0) // at all shards; only after this the slots are read (BackupPoint, a)
            {
                var runs = await hold.EachAsync(
                    held => held.AskAsync(connection => ShardOwnershipStore.ReadRunsAsync(connection, cancellation), cancellation));
                map = OwnershipMap.Of(runs);
                if (map.IsComplete)
                    return runs;
            }
            if (hold.Left < enough)
                throw map is not null ? NotOwnedOnce(map) : NotOver(between[0].Source, between[0].Batch);
        }
    }

    private static async Task<IReadOnlyList<Between>> ReadBetweenAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        [.. await connection.QueryAsync<Between>(new CommandDefinition(BetweenSql, cancellationToken: cancellation))];

    private static CommandFailedException NotOver(ShardId source, Between batch) => new(
        ExitCode.TimedOut,
        $"A batch of operation {batch.Operation} is {batch.Phase} at {source}, "
        + "and no mover completed its hand-over while new ones were held.",
        $"shardadmin ops resume {batch.Operation}; then the same command again");

    private static CommandFailedException NotOwnedOnce(OwnershipMap map) => new(
        ExitCode.Precondition, "Not every slot has exactly one owner. " + string.Join(" ", map.Problems()),
        "shardadmin doctor; then the same command again");

    private sealed record Between(Guid Operation, string Phase, string? Disputed);
}
